/** How a running `npm start` looks after itself, and how other commands find it. */
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { call, createHome, KEY, ps } from '../../support/home.ts'

test('workerd and PostgreSQL are restarted when they are killed', async () => {
  await using home = createHome()
  const relay = await home.start()
  const message = { thread_name: 'a', surface: 'code', content: 'before' }
  await call(relay.url, 'relay_post_message', message)
  for (const name of ['workerd', 'postgres']) {
    const victim = home.children().find((pid) => commandOf(pid).includes(name)) as number
    process.kill(victim, 'SIGKILL')
    await expect.poll(() => relay.printed).toContain(`${TITLES[name]} is up again.`)
    const read = await call(relay.url, 'relay_read_thread', { thread_name: 'a' })
    expect(JSON.stringify(read)).toContain('before')
  }
  expect(relay.printed).toContain('The Worker stopped unexpectedly (SIGKILL). Restarting it.')
})

const TITLES: Record<string, string> = { workerd: 'The Worker', postgres: 'PostgreSQL' }

const commandOf = (pid: number) => ps('-ww', '-o', 'args=', '-p', `${pid}`)

test.runIf(process.platform === 'linux')('everything listens on loopback only', async () => {
  await using home = createHome()
  // With a given port the front listens on both loopbacks; with 0 only on one.
  const relay = await home.start({}, ['--port', `${await findFreePort()}`])
  const pids = [relay.pid, ...home.children()]
  const addresses = pids.map((pid) => listeningOf(pid))
  // The front on both loopbacks and the gateway; PostgreSQL; workerd with its clock.
  expect(addresses.map(({ length }) => length >= 1)).toEqual([true, true, true])
  expect(addresses[0]?.length).toBeGreaterThanOrEqual(2)
  for (const address of addresses.flat()) expect(address).toMatch(LOOPBACK)
})

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** 127.0.0.1 and ::1 as the kernel writes them. */
const LOOPBACK = /^(0100007F|00000000000000000000000001000000)$/
const LISTENING = '0A'

/** The addresses on which a process listens. */
function listeningOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  const links = readdirSync(folder).map((fd) => {
    try {
      return readlinkSync(join(folder, fd))
    } catch {
      return ''
    }
  })
  const lines = ['tcp', 'tcp6'].flatMap((name) =>
    readFileSync(`/proc/${pid}/net/${name}`, 'utf8').trim().split('\n').slice(1),
  )
  return lines
    .map((line) => line.trim().split(/ +/))
    .filter((fields) => fields[3] === LISTENING && links.includes(`socket:[${fields[9]}]`))
    .map((fields) => fields[1]?.split(':')[0] ?? '')
}

test('doctor, smoke and status find it on any port', async () => {
  await using home = createHome()
  const down = await home.command('status')
  expect(down).toMatchObject({ code: 1, printed: expect.stringContaining('There is no relay in') })
  const relay = await home.start({ RELAY_API_KEY: undefined })
  const doctor = await home.command('doctor')
  expect(doctor.printed).toContain(`relay at ${relay.url}`)
  expect(doctor).toMatchObject({ code: 0 })
  const smoke = await home.command('smoke')
  expect(smoke.printed).toMatch(/ 0 failed\.\n$/)
  expect(smoke.code).toBe(0)
  const { code, printed } = await home.command('status')
  expect(printed).toContain(`Key             RELAY_API_KEY in ${join(home.data, 'settings.json')}`)
  expect(code).toBe(0)
  expect(printed).toContain(`URL             ${relay.url}/mcp`)
  expect(printed).toContain(`Data directory  ${home.data}`)
  expect(printed).toContain(`(process ${relay.pid})`)
  expect(printed).toContain('embedded PostgreSQL, 1 threads')
  relay.kill('SIGINT')
  await relay.exit
  expect(await home.command('status')).toMatchObject({ code: 1 })
})

test('a key is rotated at home: planned, finished and leaked, whether or not the relay is running', async () => {
  await using home = createHome()
  const relay = await home.start({ RELAY_API_KEY: undefined })
  const first = home.kept().RELAY_API_KEY
  const statusFor = async (key: string) =>
    (
      await fetch(`${relay.url}/mcp`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
      })
    ).status

  // Interrupted while it waits for the relay, and run again: with yet another new key, the first one, which
  // every client has, would be refused.
  relay.kill('SIGSTOP')
  const cut = home.begin('rotate', ['--home'])
  await expect.poll(() => home.kept().RELAY_API_KEY_PREVIOUS).toBe(first)
  const second = home.kept().RELAY_API_KEY
  cut.kill('SIGINT')
  expect(await once(cut, 'close')).toEqual([130, null])
  relay.kill('SIGCONT')
  const planned = await home.command('rotate', ['--home'])
  expect(planned).toMatchObject({ code: 0 })
  expect(home.kept()).toMatchObject({ RELAY_API_KEY: second, RELAY_API_KEY_PREVIOUS: first })
  expect(home.kept()).not.toHaveProperty('ROTATION_NEW')
  // Into a pipe, which may be a log, only where the new key is.
  expect(planned.printed).toContain('The new key is saved in')
  expect(planned.printed).not.toContain(second)
  expect(planned.printed).toContain(
    `relay ${relay.url}/mcp --header "Authorization: Bearer $RELAY_KEY"`,
  )
  expect(planned.printed).toContain('/plugin configure relay@relay-mcp')
  expect([await statusFor(first), await statusFor(second)]).toEqual([200, 200])
  const again = await home.command('rotate', ['--home'])
  expect(again).toMatchObject({ code: 1 })
  expect(again.printed).toContain('A rotation is in progress')

  // The key leaks during the rotation: neither of the two may keep working.
  expect(await home.command('rotate', ['--home', '--leaked'])).toMatchObject({ code: 0 })
  const third = home.kept().RELAY_API_KEY
  expect(home.kept()).not.toHaveProperty('RELAY_API_KEY_PREVIOUS')
  const statuses = await Promise.all([first, second, third].map(statusFor))
  expect(statuses).toEqual([401, 401, 200])

  expect(await home.command('rotate', ['--home'])).toMatchObject({ code: 0 })
  expect(await home.command('rotate', ['--home', '--finish'])).toMatchObject({ code: 0 })
  expect([await statusFor(third), await statusFor(home.kept().RELAY_API_KEY)]).toEqual([401, 200])
  expect(relay.printed).toContain('The keys have changed. Restarting the Worker with the new ones.')

  relay.kill('SIGINT')
  await relay.exit
  const before = home.kept().RELAY_API_KEY
  expect(await home.command('rotate', [])).toMatchObject({ code: 0 })
  expect(home.kept().RELAY_API_KEY_PREVIOUS).toBe(before)
  const given = await home.command('rotate', ['--home'], { RELAY_API_KEY: KEY })
  expect(given).toMatchObject({ code: 1 })
  expect(given.printed).toContain('RELAY_API_KEY is set in the environment')
})

test.runIf(process.getuid?.() === 0)(
  'as root, PostgreSQL runs under an account of its own',
  async () => {
    await using home = createHome({ isNew: true })
    const relay = await home.start()
    const { uid } = statSync(join(home.data, 'postgres'))
    expect([0, 65_534]).not.toContain(uid)
    expect(readFileSync('/etc/passwd', 'utf8')).not.toMatch(new RegExp(`^[^:]*:[^:]*:${uid}:`, 'm'))
    relay.kill('SIGINT')
    await relay.exit
  },
)
