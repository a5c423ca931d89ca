/** The README and the documents it leads to: the files they name exist, and the commands they show work. */
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { USER } from '../integration/migrations/calls.ts'
import { createTestDatabase } from '../support/database.ts'

const FOLDERS = ['.', 'docs', '.github', 'integrations/claude-code']
const DOCUMENTS = FOLDERS.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
)
const TEXTS = new Map(DOCUMENTS.map((path) => [path, readFileSync(path, 'utf8')]))
const SCRIPTS: Record<string, string> = JSON.parse(readFileSync('package.json', 'utf8')).scripts

const read = (document: string) => TEXTS.get(document) ?? ''

/** The code blocks of a language, in lists too, without their indentation. */
const blocks = (language: string, documents = DOCUMENTS) =>
  documents.flatMap((document) =>
    [...read(document).matchAll(new RegExp(`^( *)\`\`\`${language}\\n(.*?)^\\1\`\`\``, 'gms'))].map(
      ([, indent = '', block = '']) => block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    ),
  )

test('the README has at most 150 lines', () => {
  expect(read('README.md').split('\n').length - 1).toBeLessThanOrEqual(150)
})

test.each(DOCUMENTS)('every file that %s names is there', (document) => {
  const text = read(document)
  const named = [
    ...text.matchAll(
      /`((?:src|test|scripts|bench|migrations|docs|conformance|integrations|\.ci|\.github)\/[\w./-]*)/g,
    ),
    ...text.matchAll(/`([\w.-]+\.(?:toml|json|md|svg|example))`/g),
  ].map(([, path = '']) => path)
  const linked = links(text).map(({ path }) => join(dirname(document), path))
  const missing = [...named, ...linked].filter((path) => !existsSync(path) && !OF_OTHERS.has(path))
  expect(missing).toEqual([])
})

/** Files of clients, and files that a person creates. */
const OF_OTHERS = new Set(['.mcp.json', 'claude_desktop_config.json'])

test.each(DOCUMENTS)('every heading that %s links to is there', (document) => {
  const missing = links(read(document))
    .map(({ path, anchor }) => ({ file: path ? join(dirname(document), path) : document, anchor }))
    .filter(({ file, anchor }) => anchor && !anchors(read(file)).includes(anchor))
  expect(missing).toEqual([])
})

const links = (text: string) =>
  [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)].map(
    ([, path = '', anchor = '']) => ({ path, anchor }),
  )

const anchors = (text: string) =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )

test.each(DOCUMENTS)('every npm script that %s names is one', (document) => {
  const named = [...read(document).matchAll(/npm run (?:--silent |-s )?([\w:-]+)/g)].map(
    ([, name = '']) => name,
  )
  expect(named.filter((name) => !(name in SCRIPTS))).toEqual([])
})

test('every npm script is documented', () => {
  const all = [...TEXTS.values()].join('\n')
  const isDocumented = (name: string) => new RegExp(`npm (run )?${name}\\b`).test(all)
  expect(Object.keys(SCRIPTS).filter((name) => !isDocumented(name))).toEqual([])
})

test('every documented setting is in the example, and the other way round', () => {
  const example = readFileSync('.dev.vars.example', 'utf8')
  const table = [...read('docs/settings.md').matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name)
  const offered = [...example.matchAll(/^(?:# )?([A-Z_]+)=/gm)].map(([, name]) => name)
  expect(table.length).toBeGreaterThan(5)
  expect(table.sort()).toEqual(offered.sort())
})

test('every JSON block is JSON', () => {
  for (const block of blocks('json')) JSON.parse(block)
})

test('the SQL recipes delete the described rows, and the counts stay right', async () => {
  await using database = await createTestDatabase()
  const post = (thread: string, content: string) =>
    database.call('relay_post_message', {
      p_user_id: USER,
      p_thread_name: thread,
      p_surface: 'code',
      p_reader_tag: 'old-laptop',
      p_message_id: crypto.randomUUID(),
      p_content: content,
    })
  for (const content of ['first', 'second', 'the secret', 'last']) {
    await post('billing-migration', content)
  }
  await post('scratch', 'nothing of value')
  const editor = await database.connect('postgres')
  await editor.query(
    `update relay_messages set created_at = now() + interval '1 day' where seq = 4`,
  )
  const recipes = blocks('sql')
  expect(recipes.length).toBeGreaterThan(3)
  for (const block of recipes) await editor.query(block)
  const { threads } = await database.call('relay_list_threads', { p_user_id: USER })
  expect(threads).toEqual([
    expect.objectContaining({ name: 'billing-migration', message_count: 3 }),
  ])
  const { rows } = await editor.query('select seq, content from relay_messages order by seq')
  expect(rows.map(({ seq, content }) => [Number(seq), content])).toEqual([
    [1, 'first'],
    [2, 'second'],
    [4, 'last'],
  ])
  const ahead = await editor.query('select 1 from relay_messages where created_at > now()')
  expect(ahead.rows).toEqual([])
  const readers = await editor.query(`select 1 from relay_readers where reader_tag = 'old-laptop'`)
  expect(readers.rows).toEqual([])
})

test('no command or statement asks a person to type a secret', () => {
  for (const block of [...blocks('sql'), ...blocks('sh')]) {
    expect(block).not.toMatch(/content +(like|ilike|=|~)/)
  }
})

/** Where the commands are tested that cannot run here; every other command must run here. */
const ELSEWHERE: [RegExp, string][] = [
  [/^npm (install && npm )?test$/, 'this run'],
  [/^npm run test:unit$/, 'part of this run'],
  [/^npm install && npm start$/, 'runs during this test, without the install'],
  [/^npm start -- --port/, 'test/e2e/local/start.test.ts'],
  [/^npm run (check|fix)$/, 'the gate'],
  [/^npm run bench$/, 'takes six minutes'],
  [/wrangler login|^npm run (setup|rotate)/, 'test/e2e/deploy, against a stand-in for Cloudflare'],
  [/^claude /, 'test/e2e/claude-plugin.test.ts, with the real client'],
]

/** Commands that may run here: a document cannot make this test reach out of the machine. */
const HERE = /^npm run (--silent )?(smoke|status|doctor|export|import|sql)\b[^;&|<>`$]*$/

test('the commands in the documents run', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relay-readme-'))
  // An unprivileged PostgreSQL, started by root, must be able to pass through.
  await chmod(folder, 0o711)
  const RELAY_API_KEY = randomBytes(32).toString('base64url')
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    HOME: folder,
    RELAY_DATA: join(folder, 'data'),
    PORT: '0',
    RELAY_API_KEY,
  }
  const relay = await startRelay(environment)
  environment.RELAY_URL = relay.url
  const commands = blocks('sh').flatMap((block) => block.trim().split('\n'))
  const results: string[] = []
  try {
    for (const command of commands) {
      if (ELSEWHERE.some(([known]) => known.test(command))) continue
      expect(command).toMatch(HERE)
      const here = command.replaceAll('relay.jsonl', join(folder, 'relay.jsonl'))
      const failure = await promisify(execFile)('/bin/sh', ['-c', here], { env: environment }).then(
        () => '',
        (error) => `${command}: ${error.stdout}${error.stderr}`,
      )
      if (failure) results.push(failure)
    }
  } finally {
    await relay.stop()
    await rm(folder, { recursive: true })
  }
  expect(results).toEqual([])
})

async function startRelay(environment: NodeJS.ProcessEnv) {
  // In a process group of its own, as a terminal would start it.
  const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']
  const relay = spawn('npm', ['start'], { env: environment, stdio, detached: true })
  let output = ''
  relay.stdout.on('data', (chunk) => {
    output += chunk
  })
  const stop = async () => {
    // Closes only when npm, its shell and the relay have ended, since all of them hold the output.
    const closed = once(relay, 'close')
    // Ctrl-C reaches the whole group.
    process.kill(-(relay.pid as number), 'SIGINT')
    await closed
  }
  try {
    await expect.poll(() => output).toContain('Requests follow')
  } catch (error) {
    await stop()
    throw error
  }
  const [, url = ''] = /URL +(\S+)/.exec(output) ?? []
  return { url, stop }
}
