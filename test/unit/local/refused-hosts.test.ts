import { expect, test } from 'vitest'
import { followRefusedHosts } from '../../../scripts/local/refused-hosts.ts'

const line = (host: unknown) =>
  JSON.stringify({ event: 'request', status: 421, refused_host: host })

test('each refused host is named once, with the setting that decides', () => {
  const notice = followRefusedHosts()
  expect(notice(line('relay.example.com'))).toMatch(
    /relay\.example\.com .*RELAY_PUBLIC_URL, which is not set/,
  )
  expect(followRefusedHosts('https://a.example')(line('b.example'))).toContain('https://a.example')
  expect(notice(line('relay.example.com'))).toBeUndefined()
  expect(notice(line('other.example.com'))).toContain('other.example.com')
})

test('after twenty hosts nothing more is said', () => {
  const notice = followRefusedHosts()
  const said = Array.from({ length: 30 }, (_, n) => notice(line(`h${n}.example`)))
  expect(said.filter(Boolean)).toHaveLength(20)
})

test.each(['The Worker is up.', '{"refused_host":', line(7), line(''), '{"status":421}'])(
  '%s says nothing about a host',
  (text) => {
    expect(followRefusedHosts()(text)).toBeUndefined()
  },
)

test('a host cannot break out of its line', () => {
  const said = followRefusedHosts()(line('a\n\u001b[2Jb'))
  for (const character of ['\n', '\u001b']) expect(said).not.toContain(character)
})
