/** The authorization endpoint under attack: who is sent a code, and who is told anything at all. */
import { expect, test } from 'vitest'
import {
  type Answer,
  anyAddress,
  createOAuthClient,
  destination,
  issues,
  register,
  send,
} from '../../support/oauth.ts'
import { createTestRelay } from '../../support/relay.ts'
import { forge, tampered } from './forgery.ts'

const CALLBACK = 'https://app.example/callback'

/** Told to the person, and to no client. */
function expectKeptHere(answer: Answer, status = 400) {
  expect([answer.status, answer.headers.get('location')]).toEqual([status, null])
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(issues(answer)).toBe(false)
}

test.each([
  ['another path', 'https://app.example/callback2'],
  ['a parent path', 'https://app.example/'],
  ['a path below', 'https://app.example/callback/more'],
  ['dot segments', 'https://app.example/x/../callback'],
  ['encoded dot segments', 'https://app.example/x/%2e%2e/callback'],
  ['a slash at the end', 'https://app.example/callback/'],
  ['two slashes', 'https://app.example//callback'],
  ['another case of the path', 'https://app.example/Callback'],
  ['another case of the host', 'https://App.example/callback'],
  ['another case of the scheme', 'HTTPS://app.example/callback'],
  ['a query', 'https://app.example/callback?x=1'],
  ['an empty query', 'https://app.example/callback?'],
  ['a fragment', 'https://app.example/callback#x'],
  ['an empty fragment', 'https://app.example/callback#'],
  ['userinfo', 'https://app.example@evil.example/callback'],
  ['userinfo before the right host', 'https://me@app.example/callback'],
  ['empty userinfo', 'https://@app.example/callback'],
  ['the default port', 'https://app.example:443/callback'],
  ['another port', 'https://app.example:8443/callback'],
  ['a subdomain', 'https://evil.app.example/callback'],
  ['a parent domain', 'https://example/callback'],
  ['a suffix', 'https://app.example.evil.example/callback'],
  ['a dot at the end of the host', 'https://app.example./callback'],
  ['a backslash', 'https://app.example\\@evil.example/callback'],
  ['a backslash for the slash', 'https://app.example\\callback'],
  ['an encoded character', 'https://app.example/%63allback'],
  ['an encoded slash', 'https://app.example%2fcallback'],
  ['an encoded host', 'https://%61pp.example/callback'],
  ['a tab', 'https://app.example/call\tback'],
  ['a newline', 'https://app.example/callback\n'],
  ['a header', 'https://app.example/callback\r\nx: y'],
  ['a null', 'https://app.example/callback\0'],
  ['a space before', ' https://app.example/callback'],
  ['a space after', 'https://app.example/callback '],
  ['a dot of another script', 'https://app。example/callback'],
  ['a letter of another script', 'https://аpp.example/callback'],
  ['a full-width letter', 'https://ａpp.example/callback'],
  ['http', 'http://app.example/callback'],
  ['no scheme', '//app.example/callback'],
  ['only a path', '/callback'],
  ['another host', 'https://evil.example/callback'],
  ['script', 'javascript:alert(1)'],
  ['a wildcard', 'https://app.example/*'],
])('a registered redirect URI with %s is another one', async (_, redirect_uri) => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay, { redirectUris: [CALLBACK] })
  expectKeptHere(await client.ask({ redirect_uri }))
  expectKeptHere(await client.decide({ redirect_uri }))
  expectKeptHere(await client.decide({ redirect_uri, action: 'cancel' }))
  expectKeptHere(await client.ask({ redirect_uri, code_challenge_method: 'plain' }))
  expect(relay.gateway.requests.size).toBe(0)
})

test.each([
  ['http://localhost/callback', 'http://localhost:41234/callback', true],
  ['http://localhost:8787/callback', 'http://localhost/callback', true],
  ['http://localhost:8787/callback?a=b', 'http://localhost:1/callback?a=b', true],
  ['http://127.0.0.1/callback', 'http://127.0.0.1:41234/callback', true],
  ['http://[::1]/callback', 'http://[::1]:41234/callback', true],
  ['http://localhost/callback', 'http://127.0.0.1/callback', true],
  ['http://localhost/callback', 'http://[::1]:1234/callback', true],
  ['http://127.0.0.1:33418/callback', 'http://localhost/callback', true],
  ['http://localhost', 'http://localhost/', true],
  ['http://127.0.0.1:33418/', 'http://localhost:1', true],
  ['http://localhost?a=b', 'http://127.0.0.1:1/?a=b', true],
  ['http://127.0.0.2/callback', 'http://127.0.0.2:1/callback', true],
  ['http://127.0.0.1/callback', 'http://127.0.0.2/callback', false],
  ['http://[::1]/callback', 'http://127.0.0.1/callback', true],
  ['http://localhost', 'http://localhost/callback', false],
  ['http://localhost/callback', 'http://localhost:41234/other', false],
  ['http://localhost/callback', 'http://localhost:41234/callback/', false],
  ['http://localhost/callback', 'http://localhost:41234/callback?x=1', false],
  ['http://localhost/callback', 'https://localhost:41234/callback', false],
  ['http://localhost/callback', 'http://localhost:41234@evil.example/callback', false],
  ['http://localhost/callback', 'http://localhost:@evil.example/callback', false],
  ['http://localhost/callback', 'http://localhost.evil.example/callback', false],
  ['http://localhost/callback', 'http://localhost:99999/callback', false],
  ['http://localhost/callback', 'http://localhost:0x50/callback', false],
  ['https://localhost/callback', 'https://localhost:41234/callback', false],
  ['cursor://app/callback', 'cursor://app:1234/callback', false],
  ['cursor://app/callback', 'cursor://other/callback', false],
  ['cursor://app/callback', 'Cursor://app/callback', false],
])('with %s registered, %s is accepted: %s', async (registered, redirect_uri, isGood) => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay, { redirectUris: [registered] })
  if (!isGood) {
    expectKeptHere(await client.ask({ redirect_uri }))
    return expectKeptHere(await client.decide({ redirect_uri }))
  }
  const { headers } = await client.decide({ redirect_uri })
  const separator = redirect_uri.includes('?') ? '&' : '?'
  expect(headers.get('location')?.startsWith(`${redirect_uri}${separator}code=`)).toBe(true)
})

test('a redirect URI may be left out by a client that registered one, and by no other', async () => {
  await using relay = await createTestRelay()
  const one = await createOAuthClient(relay)
  const { headers } = await one.decide({ redirect_uri: undefined })
  expect(headers.get('location')).toMatch(/^https:\/\/app\.example\/callback\?code=/)
  const two = await createOAuthClient(relay, { redirectUris: [CALLBACK, 'cursor://app/callback'] })
  expectKeptHere(await two.decide({ redirect_uri: undefined }))
  expectKeptHere(await one.decide({ redirect_uri: [CALLBACK, 'https://evil.example/'] }))
  expectKeptHere(await one.decide({ redirect_uri: [CALLBACK, CALLBACK] }))
})

test('a redirect URI of one client is refused for another, and so is one of another relay', async () => {
  await using relay = await createTestRelay()
  await using other = await createTestRelay({})
  const mine = await createOAuthClient(relay)
  const theirs = await createOAuthClient(relay, { redirectUris: ['https://evil.example/'] })
  expectKeptHere(await mine.decide({ redirect_uri: theirs.redirectUri }))
  expectKeptHere(await theirs.decide({ redirect_uri: mine.redirectUri }))
  const { clientId } = await createOAuthClient(other)
  expectKeptHere(await mine.decide({ client_id: clientId }))
})

test('a client id that the relay did not sign is unknown', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const claims = { name: 'A thief', redirect_uris: [CALLBACK], exp: undefined }
  const good = await forge(relay, 'client', { claims })
  expect((await client.decide({ client_id: good })).status).toBe(302)

  const tokens = await client.connect()
  const key = 'another key of thirty-two characters'
  const forgeries = {
    unknown: 'unknown',
    empty: '',
    missing: undefined,
    twice: [client.clientId, client.clientId],
    shortened: client.clientId.slice(0, -1),
    'another key': await forge(relay, 'client', { claims, key }),
    'an empty key': await forge(relay, 'client', { claims, key: '\0' }),
    none: tampered(client.clientId, { header: { alg: 'none' } }),
    HS512: await forge(relay, 'client', { claims, header: { alg: 'HS512' } }),
    'a redirect URI added': tampered(client.clientId, {
      claims: { redirect_uris: [CALLBACK, 'https://evil.example/'] },
    }),
    'another name': tampered(client.clientId, { claims: { name: 'Claude' } }),
    'another typ': await forge(relay, 'client', { claims, header: { typ: 'JWT' } }),
    'no typ': await forge(relay, 'client', { claims, header: { typ: undefined } }),
    'another issuer': await forge(relay, 'client', { claims: { ...claims, iss: 'https://a.b' } }),
    'no redirect URIs': await forge(relay, 'client', {
      claims: { ...claims, redirect_uris: undefined },
    }),
    'a code': await client.authorize(),
    'an access token': tokens.access_token,
    'a refresh token': tokens.refresh_token,
    'the key': relay.key,
    'our own page': `${relay.url}/`,
    'a page over http': 'http://app.example/client.json',
    'a private address': 'https://10.0.0.1/client.json',
    'a document out of reach': 'https://unknown.example/client.json',
  }
  for (const [name, client_id] of Object.entries(forgeries)) {
    for (const answer of [await client.ask({ client_id }), await client.decide({ client_id })]) {
      expect.soft([name, answer.status, answer.headers.get('location')]).toEqual([name, 400, null])
      expect.soft(issues(answer)).toBe(false)
    }
  }
})

test.each([
  ['no challenge', { code_challenge: undefined }, 'invalid_request'],
  ['an empty challenge', { code_challenge: '' }, 'invalid_request'],
  ['a short challenge', { code_challenge: 'a'.repeat(42) }, 'invalid_request'],
  ['a long challenge', { code_challenge: 'a'.repeat(44) }, 'invalid_request'],
  ['a challenge in hex', { code_challenge: 'a'.repeat(64) }, 'invalid_request'],
  ['a challenge in base64', { code_challenge: `${'+'.repeat(43)}` }, 'invalid_request'],
  ['plain', { code_challenge_method: 'plain' }, 'invalid_request'],
  ['no method, which means plain', { code_challenge_method: undefined }, 'invalid_request'],
  ['a method in lower case', { code_challenge_method: 's256' }, 'invalid_request'],
  ['two challenges', { code_challenge: ['a'.repeat(43), 'b'.repeat(43)] }, 'invalid_request'],
  ['two methods', { code_challenge_method: ['S256', 'plain'] }, 'invalid_request'],
  ['two states', { state: ['a state', 'another'] }, 'invalid_request'],
  ['two scopes', { scope: ['mcp:read', 'mcp'] }, 'invalid_request'],
  ['an unknown parameter twice', { x: ['1', '2'] }, 'invalid_request'],
  ['response_type token', { response_type: 'token' }, 'unsupported_response_type'],
  ['response_type code token', { response_type: 'code token' }, 'unsupported_response_type'],
  ['another resource', { resource: 'https://evil.example/mcp' }, 'invalid_target'],
  ['a resource below ours', { resource: 'http://127.0.0.1/mcp/more' }, 'invalid_target'],
  ['a resource that is not a URL', { resource: 'mcp' }, 'invalid_target'],
])('%s is answered to the client with an error, its state and the issuer', async (...row) => {
  const [, overrides, error] = row
  await using relay = await createTestRelay()
  const app = await createOAuthClient(relay)
  const program = await createOAuthClient(relay, {
    redirectUris: ['http://127.0.0.1:7777/callback'],
  })
  for (const answer of [await program.ask(overrides), await app.decide(overrides)]) {
    expect(answer.status).toBe(302)
    expect(answer.headers.get('location')).toMatch(
      /^http(s:\/\/app\.example|:\/\/127\.0\.0\.1:7777)\/callback\?error=/,
    )
    expect(Object.fromEntries(destination(answer))).toEqual({
      error,
      error_description: expect.any(String),
      state: 'a state',
      iss: relay.url,
    })
    expect(answer.headers.get('cache-control')).toBe('no-store')
  }
})

test('a link to the relay leads nowhere else until the person has decided', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay, { redirectUris: ['https://evil.example/login'] })
  for (const overrides of [{ scope: ['a', 'b'] }, { response_type: 'token' }, { resource: 'x' }]) {
    const answer = await client.ask(overrides)
    expect([answer.status, answer.headers.get('location')]).toEqual([400, null])
    expect(answer.headers.get('content-type')).toContain('text/html')
    expect(answer.body).not.toContain('href="https://evil.example')
  }
  // To a program on the person's own machine, or to a client that is known, it may.
  const builtIn = await createOAuthClient(relay, {
    clientId: 'https://claude.ai/oauth/mcp-oauth-client-metadata',
    redirectUri: 'https://claude.ai/api/mcp/auth_callback',
  })
  expect((await builtIn.ask({ resource: 'x' })).headers.get('location')).toMatch(
    /error=invalid_target/,
  )
})

test('one resource of ours and one of another are not both granted', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const mixed = await client.decide({ resource: [`${relay.url}/mcp`, 'https://evil.example'] })
  expect(destination(mixed).get('error')).toBe('invalid_target')
  const both = await client.decide({ resource: [`${relay.url}/mcp`, relay.url.toUpperCase()] })
  expect(destination(both).get('code')).toBeTruthy()
  const none = await client.decide({ resource: undefined })
  expect(destination(none).get('code')).toBeTruthy()
})

test.each([undefined, '', 'admin root', 'offline_access', 'mcp', 'mcp:read mcp', 'mcp:read x'])(
  'of the scope %j only known parts are granted',
  async (scope) => {
    await using relay = await createTestRelay()
    const granted = (await (await createOAuthClient(relay)).connect({ scope })).scope
    expect(granted).toBe(scope === 'mcp:read x' ? 'mcp:read' : 'mcp')
  },
)

test('cancelling needs no key, and issues nothing', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  for (const api_key of ['', 'wrong', relay.key]) {
    const answer = await client.decide({ action: 'cancel', api_key })
    expect(Object.fromEntries(destination(answer))).toEqual({
      error: 'access_denied',
      error_description: expect.any(String),
      state: 'a state',
      iss: relay.url,
    })
  }
  const stateless = await client.decide({ action: 'cancel', state: undefined })
  expect(destination(stateless).has('state')).toBe(false)
})

test('the key in the query string is not read, and GET decides nothing', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const shown = await client.ask({ api_key: relay.key, action: 'allow' })
  expect([shown.status, shown.headers.get('location')]).toEqual([200, null])
  const query = `/authorize?api_key=${relay.key}`
  const body = new URLSearchParams({
    client_id: client.clientId,
    code_challenge: client.challenge,
    code_challenge_method: 'S256',
  })
  expectKeptHere(await send(relay, query, { method: 'POST', body }), 403)
})

test.each([
  ['', 403],
  ['wrong', 403],
  ['\u0000', 403],
  ['k'.repeat(15_000), 403],
])('the key %j shows the page again', async (api_key, status) => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  // From an address of its own, or the tests together would be too many guesses.
  const headers = { 'cf-connecting-ip': anyAddress(), 'sec-fetch-site': 'same-origin' }
  expectKeptHere(await client.decide({ api_key }, headers), status)
})

test('near misses of the key are wrong', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const headers = { 'cf-connecting-ip': anyAddress() }
  const misses = [
    relay.key.slice(0, -1),
    `${relay.key}x`,
    relay.key.toLowerCase(),
    [...relay.key].reverse().join(''),
  ]
  for (const api_key of misses) expectKeptHere(await client.decide({ api_key }, headers), 403)
  const twice = await client.decide({ api_key: ['wrong', relay.key] }, headers)
  expect(destination(twice).get('error')).toBe('invalid_request')
})

test('the form of 0.1.0 is enough, without the page and without a resource', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const answer = await client.decide({ resource: undefined, api_key: ` ${relay.key}\n` }, {})
  expect([answer.status, destination(answer).has('code')]).toEqual([302, true])
})

test.each([
  ['another site', { 'sec-fetch-site': 'cross-site' }],
  ['a sibling of the site', { 'sec-fetch-site': 'same-site' }],
  ['the address bar', { 'sec-fetch-site': 'none' }],
  ['two sites at once', { 'sec-fetch-site': 'same-origin, cross-site' }],
  ['another site that claims our origin', { 'sec-fetch-site': 'cross-site', origin: 'OWN' }],
  ['an origin that is not ours', { origin: 'https://evil.example' }],
  ['an opaque origin', { origin: 'null' }],
  ['a longer name than ours', { origin: 'http://127.0.0.1.evil.example' }],
  ['not an origin', { origin: 'x' }],
])('a form from %s is refused with the right key, and cannot cancel', async (_, headers) => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const given = JSON.parse(JSON.stringify(headers).replace('OWN', relay.url))
  for (const action of ['allow', 'cancel']) {
    const answer = await client.decide({ action }, given)
    expectKeptHere(answer, 403)
    expect(answer.body).not.toContain('api_key')
  }
})

test.each([
  ['JSON', 'application/json', '{}', 400],
  ['text', 'text/plain', 'api_key=x', 400],
  ['a multipart form', 'multipart/form-data; boundary=x', '--x--', 400],
  ['nothing', 'application/x-www-form-urlencoded', '', 400],
  ['broken escapes', 'application/x-www-form-urlencoded', '%%%=%f&%ff=%00', 400],
  ['1 MB', 'application/x-www-form-urlencoded', `x=${'y'.repeat(1_000_000)}`, 413],
  ['3 MB', 'application/x-www-form-urlencoded', `x=${'y'.repeat(3_000_000)}`, 413],
])('%s for a form is %s: kept here', async (_, type, body, status) => {
  await using relay = await createTestRelay()
  const headers = { 'content-type': type }
  expectKeptHere(await send(relay, '/authorize', { method: 'POST', headers, body }), status)
})

test('bytes that are not UTF-8 are not a form', async () => {
  await using relay = await createTestRelay()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const body = new Uint8Array([0x61, 0x3d, 0xff, 0xfe])
  expectKeptHere(await send(relay, '/authorize', { method: 'POST', headers, body }))
})

test('a client with a bad redirect URI in a statement of ours is still refused', async () => {
  await using relay = await createTestRelay()
  const uri = 'javascript:alert(1)'
  const claims = { name: 'Old', redirect_uris: [uri], exp: undefined }
  const clientId = await forge(relay, 'client', { claims })
  const client = await createOAuthClient(relay, { clientId, redirectUri: uri })
  expectKeptHere(await client.decide())
  expectKeptHere(await client.decide({ redirect_uri: undefined }))
})

test('parameters of a redirect URI are kept, and cannot stand in for ours', async () => {
  await using relay = await createTestRelay()
  const uri = 'https://app.example/callback?a=b&c'
  const client = await createOAuthClient(relay, { redirectUris: [uri] })
  const { headers } = await client.decide({ state: 'x&code=stolen#' })
  expect(headers.get('location')).toMatch(
    /^https:\/\/app\.example\/callback\?a=b&c&code=[\w.-]+&state=x%26code%3Dstolen%23&iss=/,
  )
  expect((await register(relay, { redirect_uris: [uri] })).status).toBe(201)
})
