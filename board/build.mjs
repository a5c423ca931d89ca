/**
 * Builds the board's static files into dist/board: wrangler runs this before it deploys or bundles, and
 * `npm start` before it starts. Files with a digest in their names never change; a file that is the same
 * is not written again, so that builds at the same time do not disturb a relay that serves the files.
 */
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const SOURCE = fileURLToPath(new URL('.', import.meta.url))
const TARGET = fileURLToPath(new URL('../dist/board', import.meta.url))

/** Files served under the names they have here. */
const PUBLIC = join(SOURCE, 'public')

/** Builds everything. Throws what esbuild reports. */
export async function buildBoard() {
  const { outputFiles } = await build({
    entryPoints: {
      board: join(SOURCE, 'main.tsx'),
      theme: join(SOURCE, 'theme.ts'),
      page: join(SOURCE, 'page.ts'),
      style: join(SOURCE, 'style', 'board.css'),
    },
    outdir: TARGET,
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['chrome123', 'firefox125', 'safari17.5'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    write: false,
  })
  await mkdir(TARGET, { recursive: true })
  const names = new Map(
    outputFiles.map(({ path }) => [basename(path).split('-')[0], basename(path)]),
  )
  const template = await readFile(join(SOURCE, 'index.html'), 'utf8')
  const html = template.replaceAll(/\{\{(\w+)\}\}/g, (_, entry) => names.get(entry) ?? '')
  const files = outputFiles.map(({ path, contents }) => ({ name: basename(path), contents }))
  // The page that the Worker writes cannot know the digests.
  for (const { name, contents } of [...files]) {
    if (name.startsWith('style-')) files.push({ name: 'pages.css', contents })
    if (name.startsWith('page-')) files.push({ name: 'page.js', contents })
  }
  files.push({ name: 'index.html', contents: Buffer.from(html) })
  for (const { name, contents } of files) await writeIfNew(name, contents)
  const given = await readdir(PUBLIC)
  for (const name of given) await copyFile(join(PUBLIC, name), join(TARGET, name))

  const current = new Set([...files.map(({ name }) => name), ...given])
  for (const name of await readdir(TARGET)) {
    if (!current.has(name) && !name.endsWith('.draft'))
      await rm(join(TARGET, name), { force: true })
  }
}

/**
 * @param {string} name
 * @param {Uint8Array | string} contents
 */
async function writeIfNew(name, contents) {
  const path = join(TARGET, name)
  const known = await readFile(path).catch(() => undefined)
  if (known?.equals(Buffer.from(contents))) return
  const draft = `${path}.${process.pid}.draft`
  await writeFile(draft, contents)
  await rename(draft, path)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await buildBoard()
