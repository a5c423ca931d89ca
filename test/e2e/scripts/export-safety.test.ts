/** Where `npm run export` may write, and where it must not. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chownSync,
  existsSync,
  linkSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

const RELAY = fileURLToPath(new URL('../../../scripts/relay.ts', import.meta.url))

/** Runs a command against the database of a relay, in a folder of the test's own. */
async function run(relay: TestRelay, name: string, path: string, output: 'pipe' | number = 'pipe') {
  using folder = createFolder()
  const child = spawn(process.execPath, [RELAY, name, path], {
    cwd: folder.path,
    env: {
      PATH: process.env.PATH,
      HOME: folder.path,
      SUPABASE_URL: relay.gateway.url,
      SUPABASE_SERVICE_KEY: relay.serviceKey,
      RELAY_USER_ID: relay.userId,
    },
    stdio: ['ignore', output, 'pipe'],
  })
  const [out, errors, [code]] = await Promise.all([
    child.stdout ? text(child.stdout) : '',
    text(child.stderr as NodeJS.ReadableStream),
    once(child, 'close'),
  ])
  return { out, errors, code }
}

function createFolder() {
  const path = mkdtempSync(join(tmpdir(), 'relay-safety-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

const SECRET = 'only for me'

async function createRelay() {
  const relay = await createTestRelay()
  await relay.call('relay_post_message', { thread_name: 'a', content: SECRET, surface: 'code' })
  return relay
}

test('an export does not go through a link, and changes nothing behind it', async () => {
  await using relay = await createRelay()
  using folder = createFolder()
  const target = join(folder.path, 'target')
  writeFileSync(target, '', { mode: 0o644 })
  const missing = join(folder.path, 'missing')
  const [link, dangling, name] = ['link', 'dangling', 'name'].map((each) => join(folder.path, each))
  symlinkSync(target, link as string)
  symlinkSync(missing, dangling as string)
  linkSync(target, name as string)
  for (const path of [link, dangling, name] as string[]) {
    const { code, errors } = await run(relay, 'export', path)
    expect(errors).toBe(`${path} exists already: choose another file.\n`)
    expect(code).toBe(1)
  }
  expect(readFileSync(target, 'utf8')).toBe('')
  expect(statSync(target).mode & 0o777).toBe(0o644)
  expect(existsSync(missing)).toBe(false)
})

test('neither a pipe nor a device is waited for or changed', async () => {
  await using relay = await createRelay()
  using folder = createFolder()
  const pipe = join(folder.path, 'pipe')
  execFileSync('mkfifo', ['-m', '644', pipe])
  const { mode } = statSync('/dev/null')
  for (const [name, sentence] of [
    ['export', 'exists already: choose another file.'],
    ['import', 'is not a regular file.'],
  ] as const) {
    for (const path of [pipe, '/dev/stdout', '/dev/null', folder.path]) {
      const { code, errors } = await run(relay, name, path)
      expect(errors, `${name} ${path}`).toBe(`${path} ${sentence}\n`)
      expect(code).toBe(1)
    }
  }
  expect(statSync('/dev/null').mode).toBe(mode)
  expect(statSync(pipe).mode & 0o777).toBe(0o644)
})

test.runIf(process.getuid?.() === 0)('a file of another account receives no message', async () => {
  await using relay = await createRelay()
  using folder = createFolder()
  const theirs = join(folder.path, 'theirs')
  writeFileSync(theirs, '', { mode: 0o644 })
  chownSync(theirs, 60_000, 60_000)
  const { code, errors } = await run(relay, 'export', theirs)
  expect(errors).toContain('exists already')
  expect(code).toBe(1)
  expect([readFileSync(theirs, 'utf8'), statSync(theirs).mode & 0o777]).toEqual(['', 0o644])
})

test('- writes the export and nothing else to standard output', async () => {
  await using relay = await createRelay()
  using folder = createFolder()
  const { out, errors, code } = await run(relay, 'export', '-')
  expect(code).toBe(0)
  expect(errors).toContain('keep them safe')
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines[0]).toMatchObject({ kind: 'relay-mcp export', messages: 1 })
  expect(lines.at(-1)).toEqual({ kind: 'end', records: lines.length - 2 })
  const file = join(folder.path, 'relay.jsonl')
  writeFileSync(file, out)
  expect(await run(relay, 'import', file)).toMatchObject({ code: 0 })
})

test.runIf(existsSync('/dev/full'))(
  'a full disk behind standard output is a sentence',
  async () => {
    await using relay = await createRelay()
    const { errors, code } = await run(relay, 'export', '-', openSync('/dev/full', 'w'))
    expect(errors).toMatch(/^The output cannot be written: ENOSPC[^\n]*\n$/)
    expect(code).toBe(1)
  },
)
