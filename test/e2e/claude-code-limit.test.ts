/** The Claude Code plugin: how long its hooks wait, and their output and memory when time is up. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { configured, HOOK, PROMPT_HOOK, run, startServer } from '../support/claude-code.ts'

const SESSION = '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11'

const SLOW = 'Relay: no news within 2 seconds; the session can call relay_check_new.\n'
const BUSY =
  'Relay: this machine was too busy to ask for news; the session can call relay_check_new.\n'

/** Code that runs in the hook before its own; it must have no spaces. */
const preload = (code: string) => ({ NODE_OPTIONS: `--import=data:text/javascript,${code}` })
const startedAfter = (ms: number) => preload(`performance.now=()=>${ms}`)

/** Runs both hooks of a session, with limits, and returns their output and memory. */
async function runBoth(url: string, env: Record<string, string> = { NODE_OPTIONS: '' }) {
  const data = mkdtempSync(join(tmpdir(), 'relay-plugin-'))
  const whole = { ...configured(url), CLAUDE_CODE_SESSION_ID: SESSION, ...env }
  try {
    const start = await run(HOOK, whole, ['--data', data])
    const prompt = await run(PROMPT_HOOK, whole, ['--data', data])
    const state = JSON.parse(readFileSync(join(data, `told-${SESSION}.json`), 'utf8'))
    return { start, prompt, failures: state.failures ?? 0 }
  } finally {
    rmSync(data, { recursive: true })
  }
}

const quiet = (stdout: string) => ({ code: 0, stdout, stderr: '' })

test.each<[string, RequestListener]>([
  ['does not answer', () => {}],
  ['does not come to an end', (_, response) => response.writeHead(200).write('{"result":')],
])(
  'if a relay %s, the start says so without blame, and prompts ask less often',
  async (_, listener) => {
    await using server = await startServer(listener)
    expect(await runBoth(server.url)).toEqual({
      start: quiet(SLOW),
      prompt: quiet(''),
      failures: 1,
    })
  },
)

test('a proxy that does not answer ends no differently', async () => {
  // Without a protocol: an HTTP server would close the connection.
  const proxy = createServer((socket) => socket.on('error', () => {}).resume())
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  const { port } = proxy.address() as AddressInfo
  const env = { NODE_OPTIONS: '', HTTPS_PROXY: `http://127.0.0.1:${port}` }
  const both = await runBoth('https://relay.example/mcp', env)
  expect(both).toEqual({ start: quiet(SLOW), prompt: quiet(''), failures: 1 })
  proxy.close()
})

test.each([
  ['has no time left', 4_600, 0],
  ['has too little time left', 4_400, 3],
])(
  'a hook that started so late that it %s does not count against the relay',
  async (_, ms, asks) => {
    let asked = 0
    await using server = await startServer(() => {
      asked += 1
    })
    const both = await runBoth(server.url, startedAfter(ms))
    expect(both).toEqual({ start: quiet(BUSY), prompt: quiet(''), failures: 0 })
    expect(asked).toBe(asks)
  },
)

test('the time that a process took to start is not taken from its request', async () => {
  await using server = await startServer(() => {})
  const { start } = await runBoth(server.url, startedAfter(2_400))
  expect(start).toEqual(quiet(SLOW))
})

test('a name lookup that hangs does not hold the session', async () => {
  await using server = await startServer(() => {})
  const folder = mkdtempSync(join(tmpdir(), 'relay-plugin-'))
  // Opening a pipe that no one writes to holds a thread of Node as such a lookup does.
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  try {
    const env = preload(`import{open}from'node:fs';open('${pipe}','r',()=>{})`)
    const both = await runBoth(server.url, env)
    expect(both).toEqual({ start: quiet(SLOW), prompt: quiet(''), failures: 1 })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
