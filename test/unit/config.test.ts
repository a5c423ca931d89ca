import { expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'

const legacyKey = (role: string) =>
  ['{"alg":"HS256"}', JSON.stringify({ role }), 'signature'].map((part) => btoa(part)).join('.')

/** Only the form counts: nothing in the settings could verify it. */
const CLIENT_KEY = ['{"alg":"HS256","typ":"key+jwt"}', '{}', 'signature'].map(btoa).join('.')

const COMPLETE = {
  RELAY_API_KEY: 'a key of thirty-two characters or more',
  SUPABASE_URL: 'https://abcdefgh.supabase.co',
  SUPABASE_SERVICE_KEY: 'sb_secret_0123456789',
  RELAY_USER_ID: '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11',
}

test('a complete environment becomes a configuration', () => {
  expect(readConfig({ ...COMPLETE, SUPABASE_URL: 'https://abcdefgh.supabase.co/' })).toEqual({
    ok: true,
    config: {
      apiKey: 'a key of thirty-two characters or more',
      previousApiKey: undefined,
      supabaseUrl: 'https://abcdefgh.supabase.co',
      supabaseServiceKey: 'sb_secret_0123456789',
      userId: '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11',
      publicUrl: undefined,
      allowedOrigins: new Set(),
      app: false,
      notifyUrl: undefined,
      notifyFor: new Set(['board']),
      events: true,
      eventHosts: new Set(),
      hosts: undefined,
    },
    warnings: [],
  })
})

test('the optional settings are lists', () => {
  const result = readConfig({
    ...COMPLETE,
    RELAY_ALLOWED_ORIGINS: 'https://a.example, https://b.example:8443',
    RELAY_HOSTS: 'localhost,127.0.0.1',
  })
  expect(result).toMatchObject({
    config: {
      allowedOrigins: new Set(['https://a.example', 'https://b.example:8443']),
      hosts: new Set(['localhost', '127.0.0.1']),
    },
  })
})

test.each([
  ['the legacy service_role key', { SUPABASE_SERVICE_KEY: legacyKey('service_role') }],
  ['a database on this machine', { SUPABASE_URL: 'http://127.0.0.1:54321' }],
])('%s is good', (_, settings) => {
  expect(readConfig({ ...COMPLETE, ...settings })).toMatchObject({ ok: true })
})

test.each([
  ['RELAY_API_KEY', undefined, 'missing'],
  ['RELAY_API_KEY', '', 'missing'],
  ['RELAY_API_KEY', 'a key of thirty-two characters or more\n', 'white space'],
  ['RELAY_API_KEY', 'k'.repeat(31), '32 characters'],
  ['RELAY_API_KEY', CLIENT_KEY, 'is a key for one client'],
  ['RELAY_API_KEY', `Bearer ${CLIENT_KEY}`, 'is a key for one client'],
  ['SUPABASE_URL', undefined, 'missing'],
  ['SUPABASE_URL', 'myproject.supabase.co', 'https://'],
  ['SUPABASE_URL', 'https://abcdefgh.supabase.co/rest/v1', 'without a path'],
  ['SUPABASE_URL', 'http://abcdefgh.supabase.co', 'https://'],
  ['SUPABASE_URL', 'postgres://user:password@host/db', 'https://'],
  ['SUPABASE_SERVICE_KEY', undefined, 'missing'],
  ['SUPABASE_SERVICE_KEY', 'sb_publishable_123', 'publishable'],
  ['SUPABASE_SERVICE_KEY', legacyKey('anon'), 'publishable'],
  ['SUPABASE_SERVICE_KEY', 'not-a-key', 'sb_secret_'],
  ['SUPABASE_SERVICE_KEY', 'a.b.c', 'sb_secret_'],
  ['RELAY_USER_ID', undefined, 'missing'],
  ['RELAY_USER_ID', 'me', 'UUID'],
])('%s = %j is one fault that names it and not its value', (name, value, rule) => {
  const result = readConfig({ ...COMPLETE, [name]: value })
  expect(result).toMatchObject({ ok: false, faults: [{ setting: name }] })
  const [fault] = result.ok ? [] : result.faults
  expect(fault?.message).toContain(name)
  expect(fault?.message).toContain(rule)
  if (value && value.length > 1) expect(fault?.message).not.toContain(value.trim())
})

test.each([
  ['RELAY_ALLOWED_ORIGINS', '*', 'left out'],
  ['RELAY_ALLOWED_ORIGINS', 'null', 'number 1'],
  ['RELAY_ALLOWED_ORIGINS', 'https://a.example/path', 'number 1'],
  ['RELAY_ALLOWED_ORIGINS', 'https://*.example', 'number 1'],
  ['RELAY_ALLOWED_ORIGINS', 'a.example', 'number 1'],
  ['RELAY_ALLOWED_ORIGINS', 'https://me@a.example', 'number 1'],
  ['RELAY_API_KEY_PREVIOUS', 'k'.repeat(31), '32 characters'],
  ['RELAY_PUBLIC_URL', 'my.relay.test', 'https://'],
  ['RELAY_PUBLIC_URL', 'http://my.relay.test', 'https://'],
  ['RELAY_PUBLIC_URL', 'http://192.168.1.5:8787', 'https://'],
  ['RELAY_PUBLIC_URL', 'https://my.relay.test/other', 'without a path'],
  ['RELAY_PUBLIC_URL', 'https://me:word@relay.example.com', 'origin'],
  ['RELAY_NOTIFY_URL', 'ntfy.sh/topic', 'https'],
  ['RELAY_NOTIFY_URL', 'http://ntfy.sh/topic', 'https'],
  ['RELAY_NOTIFY_URL', 'https://', 'https'],
  ['RELAY_NOTIFY_URL', 'https://me:word@ntfy.sh/topic', '@'],
  ['RELAY_NOTIFY_FOR', ' , ', 'reader tags'],
])('%s = %j is left out with a warning, and the relay serves on', (name, value, rule) => {
  const result = readConfig({ ...COMPLETE, [name]: value })
  expect(result).toMatchObject({
    ok: true,
    config: {
      previousApiKey: undefined,
      publicUrl: undefined,
      allowedOrigins: new Set(),
      notifyUrl: undefined,
      notifyFor: new Set(['board']),
      events: true,
      eventHosts: new Set(),
    },
    warnings: [{ setting: name }],
  })
  const [warning] = result.warnings
  expect(warning?.message).toContain(rule)
  if (value.length > 4) expect(warning?.message).not.toContain(value)
})

test.each([
  ['https://a.example/', ['https://a.example']],
  ['HTTPS://A.example:443', ['https://a.example']],
  ['app://obsidian.md', ['app://obsidian.md']],
  ['App://Obsidian.md/', ['app://obsidian.md']],
  ['http://localhost:5173,', ['http://localhost:5173']],
  ['moz-extension://0f-1', ['moz-extension://0f-1']],
])('the allowed origin %s is read as browsers send it', (value, origins) => {
  const result = readConfig({ ...COMPLETE, RELAY_ALLOWED_ORIGINS: value })
  expect(result).toMatchObject({ config: { allowedOrigins: new Set(origins) }, warnings: [] })
})

test('notifications go to an address as it was pasted, for names in any spelling', () => {
  const given = {
    RELAY_NOTIFY_URL: ' https://ntfy.sh/topic\n',
    RELAY_NOTIFY_FOR: 'board, My Phone',
  }
  expect(readConfig({ ...COMPLETE, ...given })).toMatchObject({
    config: { notifyUrl: 'https://ntfy.sh/topic', notifyFor: new Set(['board', 'my-phone']) },
    warnings: [],
  })
})

test('one bad origin leaves the others in place', () => {
  const result = readConfig({
    ...COMPLETE,
    RELAY_ALLOWED_ORIGINS: 'https://a.example,*,https://b.example/x,https://c.example',
  })
  expect(result).toMatchObject({
    config: { allowedOrigins: new Set(['https://a.example', 'https://c.example']) },
    warnings: [{ setting: 'RELAY_ALLOWED_ORIGINS' }, { setting: 'RELAY_ALLOWED_ORIGINS' }],
  })
  expect(result.warnings[1]?.message).toContain('number 3')
})

test.each([
  ['https://relay.example.com/', 'https://relay.example.com'],
  ['https://relay.example.com/mcp', 'https://relay.example.com'],
  [' https://relay.example.com/mcp/ ', 'https://relay.example.com'],
  ['http://localhost:8787', 'http://localhost:8787'],
])('RELAY_PUBLIC_URL = %j is the origin %s', (value, publicUrl) => {
  const result = readConfig({ ...COMPLETE, RELAY_PUBLIC_URL: value })
  expect(result).toMatchObject({ config: { publicUrl }, warnings: [] })
})

test.each(['http://192.168.1.5:8787', 'http://10.0.0.1', 'http://nas.local:8787', 'http://nas'])(
  'at home, RELAY_PUBLIC_URL may be %s',
  (publicUrl) => {
    const settings = { ...COMPLETE, RELAY_HOSTS: 'localhost', RELAY_PUBLIC_URL: publicUrl }
    expect(readConfig(settings)).toMatchObject({ config: { publicUrl }, warnings: [] })
    const internet = { ...settings, RELAY_PUBLIC_URL: 'http://relay.example.com' }
    expect(readConfig(internet)).toMatchObject({ config: { publicUrl: undefined } })
  },
)

test('the previous key is trimmed, and an empty one counts as unset', () => {
  const previous = (value: string) => readConfig({ ...COMPLETE, RELAY_API_KEY_PREVIOUS: value })
  expect(previous(' the key before it, which is long enough\n')).toMatchObject({
    config: { previousApiKey: 'the key before it, which is long enough' },
    warnings: [],
  })
  expect(previous('')).toMatchObject({ config: { previousApiKey: undefined }, warnings: [] })
})

test('every missing setting is named', () => {
  const result = readConfig({})
  expect(result.ok ? [] : result.faults.map((fault) => fault.setting)).toEqual([
    'RELAY_API_KEY',
    'SUPABASE_URL',
    'SUPABASE_SERVICE_KEY',
    'RELAY_USER_ID',
  ])
})
