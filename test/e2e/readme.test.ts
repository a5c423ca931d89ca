/** The README and its companions, taken at their word: what they name is there, what they show runs. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { USER } from '../integration/migrations/calls.ts'
import { createTestDatabase } from '../support/database.ts'

const DOCUMENTS = readdirSync('.').filter((name) => name.endsWith('.md'))
const README = readFileSync('README.md', 'utf8')
const SCRIPTS: Record<string, string> = JSON.parse(readFileSync('package.json', 'utf8')).scripts

const blocks = (language: string, text = README) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, block]) => block as string,
  )
const commands = blocks('sh').flatMap((block) => block.trim().split('\n'))

test.each(DOCUMENTS)('every file that %s names is there', (document) => {
  const text = readFileSync(document, 'utf8')
  const named = [
    ...text.matchAll(/`((?:src|test|scripts|migrations|conformance|integrations|\.ci)\/[\w./-]*)/g),
    ...text.matchAll(/`([\w.-]+\.(?:ts|toml|json|md|svg|example))`/g),
    ...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g),
  ].map(([, path]) => path as string)
  const missing = named.filter((path) => !existsSync(path) && !OF_CLIENTS.has(path))
  expect(missing).toEqual([])
})

/** Files of clients' and people's own, and modules that ARCHITECTURE.md names beside their folder. */
const OF_CLIENTS = new Set(['.mcp.json', ...readdirSync('src')])

test.each(DOCUMENTS)('every npm script that %s names is one', (document) => {
  const text = readFileSync(document, 'utf8')
  const named = [...text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map(
    ([, name]) => name as string,
  )
  expect(named.filter((name) => !(name in SCRIPTS))).toEqual([])
})

test('every npm script is told of in the README', () => {
  const told = (name: string) =>
    README.includes(`npm run ${name}`) || README.includes(`npm ${name}`)
  expect(Object.keys(SCRIPTS).filter((name) => !told(name))).toEqual([])
})

test('every heading that is linked to is there', () => {
  const anchors = [...README.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
  const linked = [...README.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor as string)
  expect(linked.filter((anchor) => !anchors.includes(anchor))).toEqual([])
})

test('every setting in the README is one of the example, or of npm start', () => {
  const example = readFileSync('.dev.vars.example', 'utf8')
  const table = README.slice(README.indexOf('## Settings'))
  const named = [...table.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name as string)
  expect(named.length).toBeGreaterThan(5)
  expect(named.filter((name) => !example.includes(name))).toEqual([])
})

test('every JSON block is JSON', () => {
  for (const block of blocks('json')) JSON.parse(block)
})

test('the SQL recipes run, and the counts stay right', async () => {
  await using database = await createTestDatabase()
  const message = { p_user_id: USER, p_thread_name: 'a', p_surface: 'code' }
  for (const content of ['the secret', 'harmless']) {
    const args = { ...message, p_message_id: crypto.randomUUID(), p_content: content }
    await database.call('relay_post_message', args)
  }
  const editor = await database.connect('postgres')
  for (const block of blocks('sql')) await editor.query(block)
  const { threads } = await database.call('relay_list_threads', { p_user_id: USER })
  expect(threads.map(({ message_count }: { message_count: number }) => message_count)).toEqual([1])
})

/** Where a command is tried that cannot run here; whatever else is shown has to run. */
const ELSEWHERE: [RegExp, string][] = [
  [/^npm install && npm test$/, 'is what runs this'],
  [/^npm install && npm start$/, 'runs beside all the others, without the install'],
  [/^npm run check$/, 'the gate'],
  [/^npm run bench$/, 'takes nine minutes'],
  [/wrangler login|^npm run (setup|rotate)/, 'test/deploy, against a stand-in for Cloudflare'],
  [/^claude /, 'needs the client; test/pages and test/integrations look at the words'],
]

/** What may be run here: nothing that a README might come to show reaches out of this machine. */
const HERE = /^npm run (smoke|doctor|export|import|sql)\b/

test('the commands of the README run', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relay-readme-'))
  // Root's PostgreSQL, which runs as nobody, must be able to pass through.
  await chmod(folder, 0o711)
  const environment = { ...process.env, HOME: folder, RELAY_DATA: join(folder, 'data'), PORT: '0' }
  const relay = await startRelay(environment)
  Object.assign(environment, { RELAY_URL: relay.url, RELAY_API_KEY: relay.key })
  try {
    for (const command of commands) {
      if (ELSEWHERE.some(([known]) => known.test(command))) continue
      expect(command).toMatch(HERE)
      const here = command.replaceAll('relay.jsonl', join(folder, 'relay.jsonl'))
      const ended = await promisify(execFile)('/bin/sh', ['-c', here], { env: environment }).then(
        () => 'done',
        (error) => `${command}: ${error.stdout}${error.stderr}`,
      )
      expect(ended).toBe('done')
    }
  } finally {
    await relay.stop()
    await rm(folder, { recursive: true })
  }
})

async function startRelay(environment: NodeJS.ProcessEnv) {
  const relay = spawn('npm', ['start'], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  relay.stdout.on('data', (chunk) => {
    said += chunk
  })
  await expect.poll(() => said).toContain('Requests follow')
  const [, url = ''] = /URL +(\S+)/.exec(said) ?? []
  const [, key = ''] = /Key +(\S+)/.exec(said) ?? []
  return {
    url,
    key,
    async stop() {
      const exited = once(relay, 'exit')
      relay.kill('SIGINT')
      await exited
    },
  }
}
