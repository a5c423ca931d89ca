import { expect, test } from 'vitest'
import { cleanKey, isPublishableKey, isServiceKey } from '../../src/key-rules.ts'

const KEY = 'a-key_of.32+characters/or=more=='

test.each([
  KEY,
  ` ${KEY}\n`,
  `Bearer ${KEY}`,
  `bearer\t${KEY}`,
  `Authorization: Bearer ${KEY}`,
  `RELAY_API_KEY=${KEY}`,
  `RELAY_API_KEY: "${KEY}",`,
  `export RELAY_API_KEY='${KEY}';`,
  `“${KEY}”`,
  `\u200b${KEY}\ufeff`,
])('a key pasted as %j is cleaned', (pasted) => {
  expect(cleanKey(pasted)).toBe(KEY)
})

test('a text much longer than a key is left as it is', () => {
  const text = `${' '.repeat(2_000)}${KEY}`
  expect(cleanKey(text)).toBe(text)
})

const legacyKey = (role: string) =>
  ['{"alg":"HS256"}', JSON.stringify({ role }), 'signature'].map((part) => btoa(part)).join('.')

test.each([
  ['sb_secret_0123', true, false],
  ['sb_secret_', false, false],
  ['sb_publishable_0123', false, true],
  [legacyKey('service_role'), true, false],
  [legacyKey('anon'), false, true],
  [legacyKey('authenticated'), false, false],
  ['a.b.c', false, false],
  ['', false, false],
])('%s is a service key: %s, and a publishable one: %s', (key, isService, isPublishable) => {
  expect([isServiceKey(key), isPublishableKey(key)]).toEqual([isService, isPublishable])
})
