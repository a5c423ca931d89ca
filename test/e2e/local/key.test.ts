/** `npm run key`: keys for one client, of the relay of npm start. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { call, createHome } from '../../support/home.ts'
import { inTerminal } from '../../support/person.ts'

const POST = { thread_name: 'a', surface: 'code', content: 'x' }

test('a key is made, used, listed and cut off', async () => {
  await using home = createHome()
  const relay = await home.start({ RELAY_API_KEY: undefined })
  const surroundings = { HOME: home.data, RELAY_DATA: home.data }
  using person = inTerminal('key', ['ci on the server'], surroundings)
  expect(await person.exit).toBe(0)
  const shown = person.printed.replaceAll(/\r?\n/g, '\n')
  const [, key = ''] = /^ {2}(eyJ\S+)/m.exec(shown) ?? []
  const [, gid = ''] = /--cut (\S+)/.exec(shown) ?? []
  expect(shown).toContain(
    `claude mcp add --scope user --transport http relay ${relay.url}/mcp --header "Authorization: Bearer $RELAY_KEY"`,
  )
  expect(shown).not.toContain(home.kept().RELAY_API_KEY)

  expect(await call(relay.url, 'relay_post_message', POST, key)).not.toHaveProperty('isError', true)
  const list = await home.command('key', ['--list'])
  const today = new Date().toISOString().slice(0, 10)
  expect(list.code).toBe(0)
  expect(list.printed).toContain(`${gid}  ci on the server  (key; last used ${today})\n`)
  expect(await home.command('key', ['--cut', gid])).toEqual({
    code: 0,
    printed: `${gid} is cut off.\n`,
  })
  await expect(call(relay.url, 'relay_post_message', POST, key)).rejects.toThrow('401')
  expect((await home.command('key', ['--list'])).printed).toContain('cut off')
})

test('without a terminal no key is made, and none is shown', async () => {
  await using home = createHome()
  await home.start({ RELAY_API_KEY: undefined })
  const { code, printed } = await home.command('key', ['ci'])
  expect(code).toBe(2)
  expect(printed).toContain('only on a terminal')
  expect(printed).not.toContain('eyJ')
  const list = await home.command('key', ['--list'])
  expect(list.printed).not.toContain('  ci  ')
})

test('npm start makes one key for this machine, and another when that was cut off', async () => {
  await using home = createHome()
  const keyOf = async () => {
    const relay = await home.start({ RELAY_API_KEY: undefined })
    const { RELAY_KEY: key } = home.kept()
    const isGood = await call(relay.url, 'relay_list_threads', {}, key).then(
      () => true,
      () => false,
    )
    return { relay, key, isGood, gid: claimsOf(key).gid }
  }
  const first = await keyOf()
  expect(first).toMatchObject({ isGood: true })
  expect(statSync(join(home.data, 'settings.json')).mode & 0o077).toBe(0)
  first.relay.kill('SIGINT')
  await first.relay.exit
  const second = await keyOf()
  expect(second.key).toBe(first.key)
  await home.command('key', ['--cut', second.gid])
  second.relay.kill('SIGINT')
  await second.relay.exit
  const third = await keyOf()
  expect(third.key).not.toBe(first.key)
  expect(third).toMatchObject({ isGood: true })
})

const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

test.each([
  [[], 'Give the name'],
  [['--list', '--cut', 'x'], 'Give the name'],
  [['--read'], 'Give the name'],
  [['--read', '--list'], 'Give the name'],
])('%j is explained', async (args, sentence) => {
  await using home = createHome()
  const { code, printed } = await home.command('key', args)
  expect([code, printed]).toEqual([2, expect.stringContaining(sentence)])
})

test('a refusal of the relay is shown in its own words', async () => {
  await using home = createHome()
  await home.start({ RELAY_API_KEY: undefined })
  const cut = await home.command('key', ['--cut', 'AAAAAAAAAAAAAAAA'])
  expect(cut).toEqual({ code: 1, printed: 'There is no connection "AAAAAAAAAAAAAAAA".\n' })
  const own = await home.command('key', ['--cut', 'key'])
  expect(own.code).toBe(1)
  expect(own.printed).toContain('npm run rotate')
})

test('a rotation names the keys that must be made anew, which it ends', async () => {
  await using home = createHome()
  const relay = await home.start({ RELAY_API_KEY: undefined })
  const make = async (name: string) => {
    const headers = {
      authorization: `Bearer ${home.kept().RELAY_API_KEY}`,
      'content-type': 'application/json',
    }
    const body = JSON.stringify({ action: 'make_key', name })
    const answer = await fetch(`${relay.url}/manage`, { method: 'POST', headers, body })
    return (await answer.json()) as { gid: string; key: string }
  }
  const [laptop, lost] = [await make('laptop'), await make('lost')]
  await home.command('key', ['--cut', lost.gid])
  const { RELAY_KEY: before = '' } = home.kept()
  const planned = await home.command('rotate', ['--home'])
  expect(planned.code).toBe(0)
  // That of this machine is made anew already.
  expect(planned.printed).not.toContain(claimsOf(before).gid)
  expect(planned.printed).not.toContain('eyJ')
  const { RELAY_KEY: after = '' } = home.kept()
  expect(after).not.toBe(before)
  expect(planned.printed).toContain(`${laptop.gid}  laptop`)
  expect(planned.printed).not.toContain(lost.gid)
  expect(await call(relay.url, 'relay_list_threads', {}, laptop.key)).toHaveProperty('content')
  expect(await home.command('rotate', ['--home', '--finish'])).toMatchObject({ code: 0 })
  for (const ended of [laptop.key, before]) {
    await expect(call(relay.url, 'relay_list_threads', {}, ended)).rejects.toThrow('401')
  }
  expect(await call(relay.url, 'relay_list_threads', {}, after)).toHaveProperty('content')
})

/** Claims {}, signed by no one: only the form counts. */
const CLIENT_KEY = `${Buffer.from('{"alg":"HS256","typ":"key+jwt"}').toString('base64url')}.e30.c2ln`

test.each(['start', 'status', 'doctor', 'smoke', 'key', 'export', 'import', 'rotate', 'sql'])(
  '%s refuses the key of a client as the key of the relay',
  async (command) => {
    await using home = createHome()
    for (const url of [undefined, 'http://127.0.0.1:1']) {
      const args = { key: ['--list'], rotate: ['--home'], import: ['x'], sql: ['select 1'] }[
        command
      ]
      const { code, printed } = await home.command(command, args, {
        RELAY_API_KEY: CLIENT_KEY,
        RELAY_URL: url,
      })
      expect([code, printed]).toEqual([2, expect.stringContaining('is a key for one client')])
      expect(printed).not.toContain(CLIENT_KEY)
    }
  },
)
