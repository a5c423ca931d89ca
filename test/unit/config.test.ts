import { expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'

const legacyKey = (role: string) =>
  ['{"alg":"HS256"}', JSON.stringify({ role }), 'signature'].map((part) => btoa(part)).join('.')

const COMPLETE = {
  RELAY_API_KEY: 'a key of any length',
  SUPABASE_URL: 'https://abcdefgh.supabase.co',
  SUPABASE_SERVICE_KEY: 'sb_secret_0123456789',
  RELAY_USER_ID: '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11',
}

test('a complete environment becomes a configuration', () => {
  expect(readConfig({ ...COMPLETE, SUPABASE_URL: 'https://abcdefgh.supabase.co/' })).toEqual({
    ok: true,
    config: {
      apiKey: 'a key of any length',
      previousApiKey: undefined,
      supabaseUrl: 'https://abcdefgh.supabase.co',
      supabaseServiceKey: 'sb_secret_0123456789',
      userId: '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11',
      allowedOrigins: new Set(),
      hosts: undefined,
    },
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
  ['RELAY_API_KEY', 'key\n', 'white space'],
  ['RELAY_API_KEY_PREVIOUS', ' key', 'white space'],
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
  ['RELAY_ALLOWED_ORIGINS', 'https://a.example/', 'origins'],
  ['RELAY_ALLOWED_ORIGINS', '*', 'origins'],
])('%s = %j is one fault that names it and not its value', (name, value, rule) => {
  const result = readConfig({ ...COMPLETE, [name]: value })
  expect(result).toMatchObject({ ok: false, faults: [{ setting: name }] })
  const [fault] = result.ok ? [] : result.faults
  expect(fault?.message).toContain(name)
  expect(fault?.message).toContain(rule)
  if (value && value.length > 1) expect(fault?.message).not.toContain(value.trim())
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
