/** The Claude Code plugin: its monitor, run as a process with a stand-in for Claude Code. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { introduce, KEY, PLUGIN, post, READER, startServer } from '../support/claude-code.ts'
import { lives, ps } from '../support/home.ts'
import { createTestRelay, type TestRelay } from '../support/relay.ts'

const MONITOR = fileURLToPath(new URL('monitors/watch.mjs', PLUGIN))

/** The monitor of a process that stands for Claude Code. */
function startMonitor() {
  const data = mkdtempSync(join(tmpdir(), 'relay-plugin-'))
  const claude = spawn('sleep', ['1000'])
  const monitor = spawn(process.execPath, [MONITOR, data], {
    env: { CLAUDE_PID: `${claude.pid}`, PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  monitor.stdout.on('data', (chunk) => {
    printed += chunk
  })
  const exited = once(monitor, 'exit')
  const file = join(data, `watch-${claude.pid}.json`)
  return {
    data,
    monitor,
    claude,
    lines: () => printed.split('\n').filter(Boolean),
    /** Writes the file of /relay:watch, and waits until it has been taken. */
    async watch(given: object) {
      const whole = { reader: READER, threads: [], session: 'a-session', ...given }
      writeFileSync(`${file}.draft`, JSON.stringify(whole))
      renameSync(`${file}.draft`, file)
      await eventually(() => expect(existsSync(file)).toBe(false))
    },
    watcher: () => childOf(monitor.pid),
    async [Symbol.asyncDispose]() {
      claude.kill('SIGKILL')
      // Its watcher ends with it.
      monitor.kill('SIGKILL')
      await exited
      rmSync(data, { recursive: true })
    },
  }
}

function childOf(parent: number | undefined): number {
  const rows = ps('-e', '-o', 'pid=', '-o', 'ppid=').split('\n')
  const row = rows.find((each) => each.trim().split(/ +/)[1] === `${parent}`)
  return Number.parseInt(row ?? '', 10)
}

const from = (relay: TestRelay) => ({ url: `${relay.url}/mcp`, key: relay.key })

/** How many looks of the monitor the relay has answered. */
const looks = (relay: TestRelay) =>
  relay.logs.filter(({ client, tool }) => client === 'relay-watch' && tool === 'relay_check_new')
    .length

/** Waits longer than any pause of the monitor. Concurrent tests have no `expect.poll`. */
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 20_000 })

// Concurrent, because they wait much and work little; only the first has a relay.
test.concurrent('it tells only news after its start, only of its own threads, and marks nothing as read', async () => {
  await using relay = await createTestRelay()
  await introduce(relay)
  // Unread before it starts, which the start of the session has told.
  await post(relay, { thread_name: 'release', content: 'CONTENT', to: READER })
  await using session = startMonitor()
  await session.watch({ ...from(relay), threads: ['Release'] })
  // The silent baseline.
  await eventually(() => expect(looks(relay)).toBe(1))
  // Not named, so it does not wake the session, although the reader has read it; but a message to the reader does.
  await post(relay, { thread_name: 'billing', content: 'Not for waking.' })
  await post(relay, {
    thread_name: 'release',
    content: 'For later.',
    reader_tag: READER,
    to: READER,
  })
  // Neither does a message to another reader.
  await post(relay, { thread_name: 'release', content: 'CONTENT', to: 'nightly' })
  await post(relay, { thread_name: 'release', content: 'CONTENT' })
  await post(relay, { thread_name: 'elsewhere', content: 'CONTENT', to: READER.toUpperCase() })
  await eventually(() => expect(session.lines()).not.toEqual([]))
  const [line = ''] = session.lines()
  expect(line).toContain(`Relay: 2 new messages for reader_tag "${READER}", 1 addressed to it, in `)
  expect(line).not.toMatch(/CONTENT|"billing"/)
  expect(line.length).toBeLessThan(400)
  const read = await relay.call('relay_check_new', { reader_tag: READER })
  expect(read.structuredContent.new_message_count).toBe(6)

  // Another command replaces the watched threads, with a new silent baseline; off ends it.
  const earlier = looks(relay)
  await session.watch(from(relay))
  await eventually(() => expect(looks(relay)).toBe(earlier + 1))
  await post(relay, { thread_name: 'billing', content: 'In a thread that was read.' })
  await post(relay, { thread_name: 'noise', content: 'In one that was never opened.' })
  await eventually(() => expect(session.lines().length).toBe(2))
  expect(session.lines()[1]).toContain('1 new message for')
  expect(session.lines()[1]).toContain('in "billing" 1.')

  // Its watcher crashes. The next one watches the same, and tells the news since, but nothing twice.
  process.kill(session.watcher(), 'SIGKILL')
  await eventually(() => expect(session.watcher()).toBeNaN())
  await post(relay, { thread_name: 'billing', content: 'While no one watched.' })
  await eventually(() => expect(session.lines().length).toBe(3))
  expect(session.lines()[2]).toContain('1 new message for')
  await session.watch({ isOff: true })
  expect(lives(session.monitor.pid as number)).toBe(true)
})

test.concurrent('refused, unconfigured or without its watcher, it neither ends nor prints anything', async () => {
  let asked = 0
  await using server = await startServer((_, response) => {
    asked += 1
    response.writeHead(401).end()
  })
  await using session = startMonitor()
  await eventually(() => expect(session.watcher()).toBeGreaterThan(0))
  await session.watch({ url: server.url, key: KEY })
  await eventually(() => expect(asked).toBeGreaterThan(0))
  await session.watch({ url: 'http://elsewhere.example/mcp', key: KEY })
  await session.watch({ url: 1, key: null, threads: 'none' })
  process.kill(session.watcher(), 'SIGKILL')
  await eventually(() => expect(session.watcher()).toBeNaN())
  // Its successor starts in silence.
  await eventually(() => expect(session.watcher()).toBeGreaterThan(0))
  expect(lives(session.monitor.pid as number)).toBe(true)
  expect(session.lines()).toEqual([])
})

test.concurrent('a version of Claude Code that does not name its process is the parent', async () => {
  const data = mkdtempSync(join(tmpdir(), 'relay-plugin-'))
  const code = `require('child_process').spawn(process.execPath, process.argv.slice(1), { stdio: 'inherit' })
    .on('spawn', function () { console.log(this.pid) })`
  const parent = spawn(process.execPath, ['-e', code, MONITOR, data], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [pid] = await once(parent.stdout, 'data')
    const monitor = Number(pid)
    await eventually(() => expect(childOf(monitor)).toBeGreaterThan(0))
    const watcher = childOf(monitor)
    parent.kill('SIGKILL')
    await eventually(() => expect([monitor, watcher].filter(lives)).toEqual([]))
  } finally {
    parent.kill('SIGKILL')
    rmSync(data, { recursive: true })
  }
})

test.concurrent('it ends with Claude Code, also when that is killed, and its watcher ends with it', async () => {
  await using first = startMonitor()
  await eventually(() => expect(first.watcher()).toBeGreaterThan(0))
  const watcher = first.watcher()
  first.claude.kill('SIGKILL')
  await eventually(() => expect(first.monitor.exitCode).toBe(0))
  expect(lives(watcher)).toBe(false)

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await using session = startMonitor()
    await eventually(() => expect(session.watcher()).toBeGreaterThan(0))
    const pid = session.watcher()
    session.monitor.kill(signal)
    await eventually(() => expect(lives(pid)).toBe(false))
    expect(session.lines()).toEqual([])
  }
})
