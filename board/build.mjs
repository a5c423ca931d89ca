/**
 * Builds the static files, the board's into dist/board, the other pages into dist/pages and the skills into
 * dist/skills: wrangler runs this before it deploys or bundles, and `npm start` before it starts. Files with a digest in their names never change; a file that is the same
 * is not written again, so that builds at the same time do not disturb a relay that serves the files.
 */
import { createHash } from 'node:crypto'
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const SOURCE = fileURLToPath(new URL('.', import.meta.url))
const TARGET = fileURLToPath(new URL('../dist/board', import.meta.url))

/** Where the view for chats is put: the Worker reads it from there, and serves it at no address. */
const APP_TARGET = fileURLToPath(new URL('../dist/app', import.meta.url))

/** Where the pages outside of the board are put: the Worker serves them at `/` and where nothing is. */
const PAGES_TARGET = fileURLToPath(new URL('../dist/pages', import.meta.url))

/** Options for all programs. */
const COMMON = /** @type {const} */ ({
  outdir: TARGET,
  bundle: true,
  minify: true,
  target: ['chrome123', 'firefox125', 'safari17.5'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  write: false,
})

/** Options for the programs of pages, which refer to their files by names with a digest. */
const PAGE = /** @type {const} */ ({
  ...COMMON,
  format: 'esm',
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
})

/** Files served under the names they have here. */
const PUBLIC = join(SOURCE, 'public')

/** The skills, which the Worker serves as resources, and where it reads them. */
const SKILLS = fileURLToPath(new URL('../integrations/skills', import.meta.url))
const SKILLS_TARGET = fileURLToPath(new URL('../dist/skills', import.meta.url))

/** The project's icon, which the listings of others show as well. */
const ICON = fileURLToPath(new URL('../icon.svg', import.meta.url))

/** Builds everything. Throws esbuild's errors. */
export async function buildBoard() {
  const [board, others, app] = await Promise.all([
    // The first view, the parts that it does not need, and chunks of code that several of these use.
    build({
      ...PAGE,
      entryPoints: { board: join(SOURCE, 'main.tsx') },
      splitting: true,
      metafile: true,
    }),
    build({
      ...PAGE,
      entryPoints: {
        theme: join(SOURCE, 'theme.ts'),
        home: join(SOURCE, 'home.tsx'),
        first: join(SOURCE, 'style', 'board.css'),
        parts: join(SOURCE, 'style', 'later.css'),
        style: join(SOURCE, 'style', 'style.css'),
        consent: join(SOURCE, 'style', 'consent.css'),
      },
    }),
    buildApp(),
  ])
  const outputFiles = [...board.outputFiles, ...others.outputFiles]
  await mkdir(APP_TARGET, { recursive: true })
  await writeIfNew(join(APP_TARGET, 'board.html'), app)
  await mkdir(TARGET, { recursive: true })
  const names = new Map(
    outputFiles.map(({ path }) => [basename(path).split('-')[0], basename(path)]),
  )
  const preloads = findStatic(board.metafile)
    .map((name) => `<link rel="modulepreload" href="${name}">`)
    .join('\n')
  const fill = async (/** @type {string} */ template) => {
    const html = await readFile(join(SOURCE, template), 'utf8')
    return html.replaceAll(/\{\{(\w+)\}\}/g, (_, entry) =>
      entry === 'preloads' ? preloads : (names.get(entry) ?? ''),
    )
  }
  const files = outputFiles.map(({ path, contents }) => {
    const name = basename(path)
    // The Worker, which writes the consent page, cannot know a digest.
    return { name: name.replace(/^consent-.*\.css$/, 'consent.css'), contents }
  })
  files.push({ name: 'index.html', contents: Buffer.from(await fill('index.html')) })
  await mkdir(PAGES_TARGET, { recursive: true })
  for (const name of ['home.html', '404.html']) {
    await writeIfNew(join(PAGES_TARGET, name), await fill(join('pages', name)))
  }
  await buildSkills()
  const given = await readdir(PUBLIC)
  files.push({ name: 'sw.js', contents: await buildWorker(files) })
  for (const { name, contents } of files) await writeIfNew(join(TARGET, name), contents)
  for (const name of given) await copyFile(join(PUBLIC, name), join(TARGET, name))
  await copyFile(ICON, join(TARGET, 'icon.svg'))

  const current = new Set([...files.map(({ name }) => name), ...given, 'icon.svg'])
  for (const name of await readdir(TARGET)) {
    if (!current.has(name) && !name.endsWith('.draft'))
      await rm(join(TARGET, name), { force: true })
  }
}

/**
 * Builds the service worker, which keeps the files of the board: these, and its icon and manifest.
 * @param {{ name: string, contents: Uint8Array }[]} files
 */
async function buildWorker(files) {
  const shell = files.filter(({ name }) => !/^(home|style|consent)\b/.test(name))
  const digest = createHash('sha256')
  for (const { contents } of shell) digest.update(contents)
  const names = shell.map(({ name }) => (name === 'index.html' ? './' : name))
  const { outputFiles } = await build({
    ...COMMON,
    entryPoints: [join(SOURCE, 'sw.js')],
    define: {
      SHELL: JSON.stringify([
        ...names,
        'icon.svg',
        'icon-unread.svg',
        'icon-192.png',
        'board.webmanifest',
      ]),
      CACHE: JSON.stringify(`board-${digest.digest('hex').slice(0, 16)}`),
    },
  })
  return /** @type {Uint8Array} */ (outputFiles[0]?.contents)
}

/** Copies the skills, and lists them as skills/list does: SEP-2640. */
async function buildSkills() {
  await mkdir(SKILLS_TARGET, { recursive: true })
  const entries = []
  for (const name of (await readdir(SKILLS)).sort()) {
    const text = await readFile(join(SKILLS, name, 'SKILL.md'), 'utf8')
    const fields = [...(/^---\n(.*?)\n---\n/s.exec(text)?.[1] ?? '').matchAll(/^(\w+): (.*)$/gm)]
    const uri = `skill://${name}/SKILL.md`
    const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`
    entries.push({
      uri,
      frontmatter: Object.fromEntries(fields.map(([, field, value]) => [field, value])),
      resources: [{ uri, digest, size: Buffer.byteLength(text) }],
    })
    await writeIfNew(join(SKILLS_TARGET, `${name}.md`), text)
  }
  await writeIfNew(join(SKILLS_TARGET, 'index.json'), JSON.stringify(entries))
}

/**
 * The names of the files that the board's own needs before it can run.
 * @param {import('esbuild').Metafile} metafile
 */
function findStatic({ outputs }) {
  const isEntry = (/** @type {string} */ path) => basename(path).startsWith('board-')
  const needed = new Set(Object.keys(outputs).filter(isEntry))
  for (const path of needed) {
    for (const { path: other, kind } of outputs[path]?.imports ?? []) {
      if (kind === 'import-statement') needed.add(other)
    }
  }
  return [...needed].filter((path) => !isEntry(path)).map((path) => basename(path))
}

/** Builds the view for chats: one document with everything in it, since its host lets it load nothing. */
async function buildApp() {
  const { outputFiles } = await build({
    ...COMMON,
    entryPoints: {
      app: join(SOURCE, 'app', 'main.tsx'),
      style: join(SOURCE, 'style', 'app.css'),
    },
    format: 'iife',
  })
  const text = (/** @type {string} */ ending) =>
    outputFiles.find(({ path }) => path.endsWith(ending))?.text.trim() ?? ''
  const script = text('.js').replaceAll('</script', '<\\/script')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="relay-board" content="{{board}}">
<title>Relay</title>
<style>${withoutUnused(text('.css'), script)}</style>
</head>
<body>
<div id="app"></div>
<script>${script}</script>
</body>
</html>
`
}

/**
 * A style sheet without the rules for classes that a program never names: the view shares its style sheets with
 * the board, and has fewer parts. Classes are written out in the sources, never put together.
 * @param {string} css
 * @param {string} script
 */
function withoutUnused(css, script) {
  const named = new Set(script.match(/(?<=[\s"'`])[a-z][\w-]*(?=[\s"'`$])/g))
  const isNamed = (/** @type {string} */ selector) =>
    [...selector.replaceAll(/\([^()]*\)/g, '').matchAll(/\.([a-z][\w-]*)/g)].every(([, name]) =>
      named.has(name ?? ''),
    )
  return css.replaceAll(/([^{}]+)(\{[^{}]*\})/g, (_, selector, body) => {
    // A comma within `:is(…)` separates nothing.
    const selectors = selector.includes('(') ? [selector] : selector.split(',')
    const used = selectors.filter(isNamed)
    return used.length > 0 ? used.join(',') + body : ''
  })
}

/**
 * @param {string} path
 * @param {Uint8Array | string} contents
 */
async function writeIfNew(path, contents) {
  const known = await readFile(path).catch(() => undefined)
  if (known?.equals(Buffer.from(contents))) return
  const draft = `${path}.${process.pid}.draft`
  await writeFile(draft, contents)
  await rename(draft, path)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await buildBoard()
