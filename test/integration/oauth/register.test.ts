/** The registration endpoint: a client id is issued only for redirect URIs that may receive codes. */
import { expect, test } from 'vitest'
import { anyAddress, createOAuthClient, register } from '../../support/oauth.ts'
import { createTestRelay } from '../../support/relay.ts'

const GOOD = { redirect_uris: ['https://app.example/callback'] }

test('a registration answers with all that was registered, and with no secret', async () => {
  await using relay = await createTestRelay()
  const { status, headers, body } = await register(relay, {
    client_name: 'An app',
    redirect_uris: GOOD.redirect_uris,
    token_endpoint_auth_method: 'client_secret_post',
    grant_types: ['authorization_code'],
    application_type: 'native',
    logo_uri: 'https://app.example/logo.png',
  })
  expect([status, headers.get('cache-control')]).toEqual([201, 'no-store'])
  expect(headers.get('access-control-allow-origin')).toBe('*')
  expect(body).toEqual({
    client_id: expect.stringMatching(/^[\w.-]+$/),
    client_id_issued_at: expect.any(Number),
    client_name: 'An app',
    redirect_uris: GOOD.redirect_uris,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  })
  expect(relay.gateway.requests.size).toBe(0)
})

test.each([
  ['without', undefined],
  ['null for', null],
  ['an empty', ''],
  ['a blank', ' \n\t '],
  ['an invisible', '\u202e\u200b\u0000'],
])('%s name becomes one that says so', async (_, client_name) => {
  await using relay = await createTestRelay()
  const { body } = await register(relay, { ...GOOD, client_name })
  expect(body.client_name).toBe('Unnamed client')
})

test('a name is one line of at most 40 characters, and none turns the others around', async () => {
  await using relay = await createTestRelay()
  const odd = await register(relay, {
    ...GOOD,
    client_name: 'Cla\u202eude\r\n\u2028\u0007 \ud800 app',
  })
  expect(odd.body.client_name).toMatch(/^Claude\W* app$/)
  const long = await register(relay, { ...GOOD, client_name: '😀'.repeat(101) })
  expect(long.body.client_name).toBe(`${'😀'.repeat(39)}…`)
})

const BAD_URIS = [
  'javascript:alert(1)',
  'JavaScript://app.example/%0aalert(1)',
  'data:text/html,<script>alert(1)</script>',
  'file:///etc/passwd',
  'vbscript:x',
  'blob:https://app.example/1',
  'about:blank',
  'view-source:https://app.example/',
  'intent://app.example/#Intent;end',
  'ftp://app.example/',
  'ws://app.example/',
  'mailto:me@app.example',
  'http://app.example/callback',
  'http://192.168.0.1/callback',
  'http://localhost.evil.example/callback',
  'http://127.0.0.1.evil.example/callback',
  'http://localhost@evil.example/callback',
  'https://app.example/callback#fragment',
  'https://app.example/callback#',
  'https://me@app.example/callback',
  'https://me:word@app.example/callback',
  '/callback',
  'callback',
  '//app.example/callback',
  'https:app.example',
  'https:///app.example',
  'https://',
  'https://?x',
  'https://app.example\\@evil.example/',
  'https://app.example/\tcallback',
  'https://app.example/call back',
  ' https://app.example/callback',
  'https://app.example/callback\n',
  'https://app.example/\r\nset-cookie:a=b',
  'https://äpp.example/callback',
  'https://app。example/callback',
  'https://app.example/"><script>',
  'custom:callback',
  '',
]

test.each(BAD_URIS)('no client is registered for %j', async (uri) => {
  await using relay = await createTestRelay()
  for (const redirect_uris of [[uri], [...GOOD.redirect_uris, uri]]) {
    const { status, headers, body } = await register(relay, { redirect_uris })
    expect([status, headers.get('cache-control')]).toEqual([400, 'no-store'])
    expect(body).toEqual({ error: 'invalid_redirect_uri', error_description: expect.any(String) })
  }
})

test.each([
  ['no redirect URIs', {}],
  ['null for them', { redirect_uris: null }],
  ['one that is not in an array', { redirect_uris: 'https://app.example/' }],
  ['an empty array', { redirect_uris: [] }],
  ['numbers', { redirect_uris: [1] }],
  ['objects', { redirect_uris: [{ toString: 'https://app.example/' }] }],
  ['eleven', { redirect_uris: Array(11).fill('https://app.example/') }],
])('%s is invalid_redirect_uri', async (_, body) => {
  await using relay = await createTestRelay()
  const answer = await register(relay, body)
  expect([answer.status, answer.body.error]).toEqual([400, 'invalid_redirect_uri'])
})

const LONG = `https://app.example/${'a'.repeat(300)}`

test.each([
  ['an array', [GOOD]],
  ['null', null],
  ['a string', '"https://app.example/"'],
  ['a name that is an object', { ...GOOD, client_name: {} }],
  ['redirect URIs that are too long together', { redirect_uris: Array(10).fill(LONG) }],
  ['a body that breaks off', '{"redirect_uris":["https://app.exam'],
  ['an empty body', ''],
  ['bytes that are not text', '\u0000'],
  ['a form', 'redirect_uris=https%3A%2F%2Fapp.example'],
])('%s is invalid_client_metadata', async (_, body) => {
  await using relay = await createTestRelay()
  const { status, headers, body: answer } = await register(relay, body)
  expect([status, answer.error]).toEqual([400, 'invalid_client_metadata'])
  expect(headers.get('cache-control')).toBe('no-store')
})

test.each([
  ['text/plain', 400],
  ['application/x-www-form-urlencoded', 400],
  ['application/jsonp', 400],
  ['multipart/form-data; boundary=x', 400],
  ['APPLICATION/JSON; charset=utf-8', 201],
])('a body of type %s is answered with %i', async (type, status) => {
  await using relay = await createTestRelay()
  expect((await register(relay, GOOD, { 'content-type': type })).status).toBe(status)
})

test('a registration of 16 KB is judged, and a longer one is too large', async () => {
  await using relay = await createTestRelay()
  const long = await register(relay, { ...GOOD, client_name: 'x'.repeat(16_000) })
  expect([long.status, long.body.client_name.length]).toEqual([201, 40])
  const many = await register(relay, { redirect_uris: Array(1_000).fill('app://c') })
  expect([many.status, many.body.error]).toEqual([400, 'invalid_redirect_uri'])
  for (const size of [16_385, 1_000_000, 3_000_000]) {
    const huge = await register(relay, 'x'.repeat(size))
    expect([huge.status, huge.body.error]).toEqual([413, 'invalid_client_metadata'])
  }
})

test('the longest registration that is taken still fits the form of the page', async () => {
  await using relay = await createTestRelay()
  const redirectUris = Array.from(
    { length: 10 },
    (_, i) => `https://app.example/${i}${'a'.repeat(85)}`,
  )
  const client = await createOAuthClient(relay, { redirectUris, name: 'x'.repeat(100) })
  expect(client.clientId.length).toBeGreaterThan(1_500)
  expect((await client.decide({ state: 's'.repeat(4_000) })).status).toBe(302)
})

test('registrations are counted for each address, and only there', async () => {
  await using relay = await createTestRelay({})
  const headers = { 'cf-connecting-ip': '203.0.113.7' }
  const bodies = Array.from({ length: 30 }, (_, i) => (i % 2 ? GOOD : { redirect_uris: [] }))
  const statuses = []
  for (const body of bodies) statuses.push((await register(relay, body, headers)).status)
  expect(statuses.slice(0, 20)).toEqual(Array(10).fill([400, 201]).flat())
  expect(statuses.slice(20)).toEqual(Array(10).fill(429))

  const limited = await register(relay, GOOD, headers)
  expect(limited.headers.get('retry-after')).toBe('60')
  expect(limited.body).toMatchObject({ error: 'too_many_requests' })
  expect(limited.body).not.toHaveProperty('client_id')
  expect((await register(relay, GOOD, { 'cf-connecting-ip': anyAddress() })).status).toBe(201)
})
