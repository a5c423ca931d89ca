/** `npm start` as a person meets it: one command that starts, refuses in a sentence, and stops. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const START = fileURLToPath(new URL('../../../scripts/start.ts', import.meta.url))
const KEY = 'a-key-of-these-tests-that-is-long-enough'
const UP = /URL +(\S+)\/mcp/

/** A data directory of a test's own; everything started on it ends with it. */
function createHome() {
  const data = mkdtempSync(join(tmpdir(), 'relay-start-'))
  // Root's PostgreSQL runs as another account, which must be able to enter.
  chmodSync(data, 0o711)
  const started: ChildProcess[] = []

  /** Runs the command; `printed` grows, `exit` resolves when the process has ended. */
  function run(environment: Record<string, string> = {}) {
    const child = spawn(process.execPath, [START], {
      env: { ...process.env, PORT: '0', RELAY_DATA: data, RELAY_API_KEY: KEY, ...environment },
    })
    started.push(child)
    const up = Promise.withResolvers<string>()
    const run = {
      pid: child.pid as number,
      printed: '',
      /** Resolves with the relay's origin when it says that it is up. */
      up: up.promise,
      exit: once(child, 'exit').then(([code, signal]) => code ?? signal),
      kill: (signal: NodeJS.Signals) => child.kill(signal),
    }
    for (const output of [child.stdout, child.stderr]) {
      output.on('data', (chunk) => {
        run.printed += chunk
        const url = UP.exec(run.printed)?.[1]
        if (url) up.resolve(url)
      })
    }
    return run
  }

  return {
    data,
    run,

    /** Runs the command until it is up. */
    async start(environment?: Record<string, string>) {
      const running = run(environment)
      const url = await Promise.race([running.up, running.exit.then(() => undefined)])
      if (!url) throw new Error(`It did not come up: ${running.printed}`)
      return Object.assign(running, { url })
    },

    /** The processes that the owner record names: PostgreSQL and workerd. */
    children(): number[] {
      const record = JSON.parse(readFileSync(join(data, 'owner.json'), 'utf8'))
      return record.children.map((child: { pid: number }) => child.pid)
    },

    async [Symbol.asyncDispose]() {
      for (const child of started) child.kill('SIGKILL')
      await expect.poll(() => processesOf(data)).toEqual([])
      rmSync(data, { recursive: true })
    },
  }
}

async function call(url: string, name: string, args: object) {
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name, arguments: args },
    }),
  })
  const { result } = (await response.json()) as { result: { isError?: boolean; content: unknown } }
  return result
}

/** What runs with this folder among its arguments: PostgreSQL's processes, named after it. */
function processesOf(folder: string): string[] {
  const all = ps('-ww', '-e', '-o', 'stat=', '-o', 'args=').split('\n')
  return all.filter((line) => line.includes(folder) && !line.startsWith('Z'))
}

function watchdogOf(parent: number): number {
  const all = ps('-ww', '-e', '-o', 'pid=', '-o', 'ppid=', '-o', 'args=').split('\n')
  const watchdog = all.find(
    (line) => line.trim().split(/ +/)[1] === `${parent}` && /trap/.test(line),
  )
  return Number.parseInt(watchdog ?? '', 10)
}

function ps(...args: string[]): string {
  return execFileSync('ps', args, { encoding: 'utf8' })
}

function lives(pid: number): boolean {
  try {
    return !ps('-o', 'stat=', '-p', `${pid}`).startsWith('Z')
  } catch {
    return false
  }
}

test('it comes up, says how to connect, and logs a line for each request', async () => {
  await using home = createHome()
  const relay = await home.start()
  const health = await fetch(`${relay.url}/health`)
  expect(health.status).toBe(200)
  expect(relay.printed).toContain(
    `claude mcp add --transport http relay ${relay.url}/mcp --header "Authorization: Bearer ${KEY}"`,
  )
  await expect.poll(() => relay.printed).toMatch(/^\d\d:\d\d:\d\d {2}GET \/health {2}200 {2}ok/m)
})

test('SIGINT, SIGTERM and SIGHUP stop everything, however often they come', async () => {
  await using home = createHome()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const relay = await home.start()
    const children = home.children()
    expect(children.map(lives)).toEqual([true, true])
    relay.kill(signal)
    relay.kill(signal)
    expect(await relay.exit).toBe(0)
    expect(children.map(lives)).toEqual([false, false])
    expect(readdirSync(home.data).sort()).toEqual(['postgres', 'settings.json'])
  }
})

test('kill -9 loses nothing that was acknowledged', async () => {
  await using home = createHome()
  const relay = await home.start()
  const acknowledged: string[] = []
  const post = async (content: string) => {
    const args = { thread_name: 'crash', surface: 'code', content }
    const { isError } = await call(relay.url, 'relay_post_message', args)
    if (!isError) acknowledged.push(content)
    if (acknowledged.length === 20) relay.kill('SIGKILL')
  }
  const posts = Array.from({ length: 60 }, (_, n) => post(`<message ${n}>`))
  await Promise.allSettled(posts)
  await relay.exit

  const { url } = await home.start()
  const args = { thread_name: 'crash', limit: 500 }
  const { content } = await call(url, 'relay_read_thread', args)
  const found = JSON.stringify(content)
  expect(acknowledged.length).toBeGreaterThanOrEqual(20)
  expect(acknowledged.filter((message) => !found.includes(message))).toEqual([])
})

test('when only it is killed, what it started ends by itself', async () => {
  await using home = createHome()
  const relay = await home.start()
  const children = home.children()
  relay.kill('SIGKILL')
  await relay.exit
  await expect.poll(() => children.filter(lives)).toEqual([])
})

test('orphans whose watchdog was killed too are ended by the next start', async () => {
  await using home = createHome()
  const relay = await home.start()
  const orphans = home.children()
  process.kill(watchdogOf(relay.pid), 'SIGKILL')
  relay.kill('SIGKILL')
  await relay.exit
  expect(orphans.filter(lives)).toEqual(orphans)
  await home.start()
  expect(orphans.filter(lives)).toEqual([])
})

test('an initdb cut short is begun again', async () => {
  await using home = createHome()
  const first = home.run()
  const drafts = () => {
    try {
      return readdirSync(join(home.data, 'postgres')).filter((name) => name.startsWith('draft-'))
    } catch {
      return []
    }
  }
  await expect.poll(drafts, { interval: 5 }).not.toEqual([])
  first.kill('SIGKILL')
  await first.exit
  await home.start()
  expect(drafts()).toEqual([])
})

test('a data directory in use is refused', async () => {
  await using home = createHome()
  const relay = await home.start()
  const second = home.run()
  expect(await second.exit).toBe(1)
  expect(second.printed).toMatch(
    new RegExp(`^${home.data} is in use by another npm start \\(process ${relay.pid}\\): .*\\.\n$`),
  )
  expect((await fetch(`${relay.url}/health`)).status).toBe(200)
})

test('a busy port is refused before anything is made', async () => {
  await using home = createHome()
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const second = home.run({ PORT: `${port}` })
  expect(await second.exit).toBe(1)
  expect(second.printed).toMatch(new RegExp(`^Port ${port} is in use .*\\.\n$`))
  expect(readdirSync(home.data)).toEqual(['settings.json'])
  server.close()
})

test.each([
  ['PORT', 'abc'],
  ['RELAY_API_KEY', ''],
  ['SUPABASE_URL', 'https://abcdefgh.supabase.co'],
])('%s=%s is one sentence and exit code 1', async (name, value) => {
  await using home = createHome()
  const refused = home.run({ [name]: value })
  expect(await refused.exit).toBe(1)
  expect(refused.printed).toMatch(new RegExp(`^${name} .*\\.\n$`))
})

test('with a project of one’s own, no database is started', async () => {
  await using home = createHome()
  const relay = await home.start({
    SUPABASE_URL: 'http://127.0.0.1:1',
    SUPABASE_SERVICE_KEY: 'sb_secret_x',
    RELAY_USER_ID: '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11',
  })
  expect(relay.printed).toContain('on http://127.0.0.1:1')
  // The daily query runs once at the start, so a project that can't be reached is known at once.
  await expect.poll(() => relay.printed).toMatch(/scheduled {2}failed database_unreachable/)
  expect(home.children()).toHaveLength(1)
  expect(readdirSync(home.data).sort()).toEqual(['owner.json', 'settings.json'])
})
