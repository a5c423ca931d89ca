/** `npm start` from a person's view: it starts, refuses with a clear message, and stops. */
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { call, createHome, listProcesses, lives, processesOf } from '../../support/home.ts'
import { inTerminal } from '../../support/person.ts'

test('it starts, prints how to connect, and logs a line for each request', async () => {
  await using home = createHome({ isNew: true })
  const relay = await home.start()
  const health = await fetch(`${relay.url}/health`)
  expect(health.status).toBe(200)
  expect(relay.printed).toContain(
    `claude mcp add --scope user --transport http relay ${relay.url}/mcp --header "Authorization: Bearer $RELAY_KEY"`,
  )
  await expect.poll(() => relay.printed).toMatch(/^\d\d:\d\d:\d\d {2}GET \/health {2}200 {2}ok/m)
})

test('the key is printed only to a terminal; elsewhere only the place where it is kept', async () => {
  await using home = createHome()
  const environment = { RELAY_DATA: home.data, PORT: '0', RELAY_API_KEY: undefined }
  {
    const relay = await home.start({ RELAY_API_KEY: undefined })
    expect(relay.printed).not.toContain(home.kept().RELAY_API_KEY)
    expect(relay.printed).not.toContain(home.kept().RELAY_KEY)
    expect(relay.printed).toContain(`RELAY_KEY in ${join(home.data, 'settings.json')}`)
    expect(relay.printed).not.toContain('#link=')
    expect(relay.printed).toContain(`RELAY_API_KEY in ${join(home.data, 'settings.json')}`)
    relay.kill('SIGINT')
    await relay.exit
  }
  using person = inTerminal('start', [], environment)
  await person.sees('/board/#link=')
  await person.sees('Authorization: Bearer ')
  await person.sees('Requests follow')
  // A terminal breaks the long line.
  const shown = person.printed.replaceAll(/\s/g, '')
  expect(shown).toContain(`Authorization:Bearer${home.kept().RELAY_KEY}`)
  expect(shown).not.toContain(home.kept().RELAY_API_KEY)
  using looking = inTerminal('status', [], environment)
  await looking.sees('/board/#link=')
  expect(await looking.exit).toBe(0)
  expect((await home.command('status')).printed).not.toContain('#link=')
  person.interrupts()
  expect(await person.exit).toBe(0)
})

test('SIGINT, SIGTERM and SIGHUP stop everything, even if they come twice', async () => {
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

test('kill -9 loses no acknowledged message', async () => {
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

test('its child processes end by themselves if only it is killed', async () => {
  await using home = createHome()
  const relay = await home.start()
  const children = home.children()
  relay.kill('SIGKILL')
  await relay.exit
  await expect.poll(() => children.filter(lives)).toEqual([])
})

test('a PostgreSQL whose watchdog was also killed is named by the next start', async () => {
  await using home = createHome()
  const relay = await home.start()
  const orphans = home.children()
  const isWatchdog = (args: string) => args.includes('trap')
  const watchdog = listProcesses().find(
    ({ parent, args }) => parent === `${relay.pid}` && isWatchdog(args),
  )
  process.kill(watchdog?.pid ?? Number.NaN, 'SIGKILL')
  relay.kill('SIGKILL')
  await relay.exit
  try {
    expect(orphans.filter(lives)).toEqual(orphans)
    const second = home.run()
    expect(await second.exit).toBe(1)
    const [, pid] = /End it with "kill -INT (\d+)", then try again/.exec(second.printed) ?? []
    process.kill(Number(pid), 'SIGINT')
    await expect.poll(() => lives(Number(pid))).toBe(false)
    await home.start()
  } finally {
    for (const orphan of orphans.filter(lives)) process.kill(orphan, 'SIGKILL')
  }
})

test('an interrupted initdb is repeated', async () => {
  await using home = createHome()
  const first = home.run()
  const drafts = () => {
    try {
      return readdirSync(join(home.data, 'postgres')).filter((name) => name === 'draft')
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

const WITHOUT_BOARD = `
  import fs from 'node:fs/promises'
  import { syncBuiltinESMExports } from 'node:module'
  const { readdir } = fs
  fs.readdir = async (path, ...options) => {
    if (path.endsWith('/board')) throw new Error('out of reach')
    return readdir(path, ...options)
  }
  syncBuiltinESMExports()`

test('a start that fails while PostgreSQL is starting ends by itself and leaves nothing running', async () => {
  await using home = createHome()
  // Its sources cannot be listed, so the board counts as changed, and it cannot be built.
  const failed = home.run({
    ESBUILD_BINARY_PATH: '/bin/false',
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(WITHOUT_BOARD)}`,
  })
  expect(await failed.exit).toBe(1)
  expect(failed.printed).toContain('esbuild')
  expect(failed.printed).not.toContain('relay-mcp is up')
  await expect.poll(() => processesOf(home.data)).toEqual([])
  expect(readdirSync(home.data)).not.toContain('owner.json')
  await home.start()
})

test('Ctrl-C while it is starting stops the start', async () => {
  await using home = createHome()
  // During initdb, and while PostgreSQL itself is starting.
  for (const path of ['postgres/password', 'postgres/data/postmaster.pid']) {
    const relay = home.run()
    await expect.poll(() => existsSync(join(home.data, path)), { interval: 2 }).toBe(true)
    relay.kill('SIGINT')
    expect(await relay.exit).toBe(0)
    expect(relay.printed).toBe('')
    await expect.poll(() => processesOf(home.data)).toEqual([])
    expect(readdirSync(home.data).sort()).toEqual(['postgres', 'settings.json'])
  }
  await home.start()
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

test('a busy port is refused before anything is created', async () => {
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
])('%s=%s is refused in one sentence, with exit code 2', async (name, value) => {
  await using home = createHome()
  const refused = home.run({ [name]: value })
  expect(await refused.exit).toBe(2)
  expect(refused.printed).toMatch(new RegExp(`^${name} .*\\.\n$`))
})

test('with a Supabase project, no database is started', async () => {
  await using home = createHome({ isNew: true })
  const relay = await home.start({
    SUPABASE_URL: 'http://127.0.0.1:1',
    SUPABASE_SERVICE_KEY: 'sb_secret_x',
    RELAY_USER_ID: '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11',
  })
  expect(relay.printed).toContain('on http://127.0.0.1:1')
  // The daily query runs once at the start, so an unreachable project is noticed at once.
  await expect.poll(() => relay.printed).toMatch(/scheduled {2}failed database_unreachable/)
  expect(home.children()).toHaveLength(1)
  expect(readdirSync(home.data).sort()).toEqual(['owner.json', 'settings.json'])
})

test('an impossible data directory is refused at once in one sentence', async () => {
  await using home = createHome()
  writeFileSync(join(home.data, 'file'), '')
  for (const path of ['/proc/relay', '/dev/null/relay', join(home.data, 'file', 'x')]) {
    const refused = home.run({ RELAY_DATA: path })
    expect(await refused.exit, path).toBe(2)
    expect(refused.printed).toMatch(
      /^The data directory \S+ cannot be (created|written to): .*\.\n$/,
    )
  }
})

test('--port overrides PORT, and unknown options are refused', async () => {
  await using home = createHome()
  const relay = await home.start({ PORT: '1' }, ['--port', '0'])
  expect((await fetch(`${relay.url}/health`)).status).toBe(200)
  for (const args of [['--prot', '9000'], ['9000'], ['--port'], ['--port', 'x']]) {
    const refused = home.run({}, args)
    expect(await refused.exit, args.join(' ')).toBe(2)
    expect(refused.printed).toMatch(/--prot|9000|--port|PORT/)
  }
})

test('--help prints the usage and starts nothing', async () => {
  await using home = createHome()
  const help = home.run({}, ['--help'])
  expect(await help.exit).toBe(0)
  expect(help.printed).toMatch(/^npm start -- /)
  expect(readdirSync(home.data)).toEqual([])
})
