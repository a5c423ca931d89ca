/** The consent page: its text, its hidden fields, and that no one else can put anything into it. */
import { expect, test } from 'vitest'
import { type Answer, createOAuthClient, issues } from '../../support/oauth.ts'
import { createTestRelay } from '../../support/relay.ts'

const SCRIPT = `'><script>alert(1)</script>&<img src=x>`

/** Elements with a name, as a browser would read them: the page quotes every attribute. */
function fields({ body }: Answer): [string, string | undefined][] {
  return [...(body as string).matchAll(/<(?:input|button)\b[^>]*? name="([^"]*)"[^>]*>/g)].map(
    ([tag, name = '']) => [name, / value="([^"]*)"/.exec(tag)?.[1]],
  )
}

function unescaped(text: string): string {
  const characters: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' }
  return text.replaceAll(/&(lt|gt|quot|#39|amp);/g, (_, name) => characters[name] ?? '')
}

function expectHarmless(answer: Answer) {
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
  const own = answer.body.replace('<link rel="stylesheet" href="/board/consent.css">', '')
  expect(own).not.toMatch(
    /<(script|img|svg|iframe|a|link|base|object|style|form(?! method="post" action="\/authorize">))\b/i,
  )
}

function expectGuarded({ headers }: Answer) {
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toBe(
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
  )
  expect(Object.fromEntries(headers)).toMatchObject({
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
  })
  expect(headers.get('set-cookie')).toBeNull()
}

test('the form carries on the request and nothing else, and takes the key unseen', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay, { name: 'An app' })
  const page = await client.ask({ unknown: 'x', api_key: relay.key })
  expect(page.status).toBe(200)
  expect(fields(page)).toEqual([
    ['client_id', client.clientId],
    ['redirect_uri', client.redirectUri],
    ['state', 'a state'],
    ['code_challenge', client.challenge],
    ['code_challenge_method', 'S256'],
    ['resource', `${relay.url}/mcp`],
    ['scope', 'mcp'],
    ['scope', 'mcp:read'],
    ['username', 'relay'],
    ['api_key', undefined],
    ['action', 'allow'],
    ['action', 'cancel'],
  ])
  expect(page.body).toContain('<strong>An app</strong>')
  expect(page.body).toContain('<code>app.example</code>')
  expect(page.body).not.toContain(relay.key)
  expect(page.body).toMatch(/<input id="api_key" [^>]*type="password" autocomplete="current-pass/)
})

test.each([
  ['the page', {}, 200],
  ['the page after a wrong key', { api_key: 'wrong' }, 403],
  ['the page for an unknown client', { client_id: 'unknown' }, 400],
  ['the page for an unknown redirect URI', { redirect_uri: 'https://evil.example/' }, 400],
])('%s cannot be framed or cached, and runs nothing', async (_, overrides, status) => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const answers = [await client.decide({ api_key: 'wrong', ...overrides })]
  if (status !== 403) answers.push(await client.ask(overrides))
  for (const answer of answers) {
    expectGuarded(answer)
    expectHarmless(answer)
  }
  expect(answers.at(-1)?.status).toBe(status)
})

test('the style of the page is one file of the relay', async () => {
  await using relay = await createTestRelay()
  const style = await relay.fetch('/board/consent.css')
  expect([style.status, style.headers.get('content-type')]).toEqual([
    200,
    'text/css; charset=utf-8',
  ])
  expect(await style.text()).not.toMatch(/url\(|@import/)
})

test('script in the name of a client is text', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay, { name: SCRIPT })
  for (const page of [await client.ask(), await client.decide({ api_key: 'wrong' })]) {
    expectHarmless(page)
    expect(unescaped(page.body)).toContain(`<strong>${SCRIPT}</strong>`)
  }
})

test('script in the state is text, and comes back to the client as it was', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  for (const page of [
    await client.ask({ state: SCRIPT }),
    await client.decide({ state: SCRIPT, api_key: SCRIPT }),
  ]) {
    expectHarmless(page)
    const [, state = ''] = fields(page).find(([name]) => name === 'state') ?? []
    expect(unescaped(state)).toBe(SCRIPT)
    expect(page.body).not.toContain('alert(1)</script>')
  }
  const { headers } = await client.decide({ state: SCRIPT })
  expect(new URL(headers.get('location') ?? '').searchParams.get('state')).toBe(SCRIPT)
})

test.each([
  'client_id',
  'redirect_uri',
  'scope',
  'resource',
  'code_challenge',
  'code_challenge_method',
  'response_type',
  'action',
  'api_key',
  SCRIPT,
])('script in %s is never shown, by GET or by POST', async (name) => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  for (const answer of [
    await client.ask({ [name]: SCRIPT }),
    await client.decide({ api_key: 'wrong', [name]: SCRIPT }),
  ]) {
    expect(answer.status).toBeLessThan(500)
    expect(issues(answer)).toBe(false)
    expect(answer.body).not.toContain('alert(1)')
    if (answer.status !== 302) expectHarmless(answer)
    else expect(answer.headers.get('location')).not.toMatch(/alert\(|[<>"']/)
  }
})

test('script in an extra resource or an extra scope is text', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const page = await client.ask({ scope: `mcp ${SCRIPT}`, resource: [relay.url] })
  expect(page.status).toBe(200)
  expectHarmless(page)
  expect(page.body).not.toContain('alert(1)')
})

test.each([
  ["https://app.example/'onmouseover='alert(1)", 'app.example'],
  ['https://app.example/?a=1&b=2', 'app.example'],
  ['https://claude.ai.evil.example/callback', 'claude.ai.evil.example'],
  ['https://xn--claude-9ta.example/callback', 'xn--claude-9ta.example'],
  ['cursor://app/callback', 'cursor://app/callback'],
  ["com.example.app:/'onmouseover='alert(1)", "com.example.app:/'onmouseover='alert(1)"],
])('the page says of %s where it leads', async (redirectUri, shown) => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay, { redirectUris: [redirectUri] })
  const page = await client.ask()
  expect(unescaped(page.body)).toContain(`<dd><code>${shown}</code></dd>`)
  expect(page.body).not.toContain("'onmouseover")
  const [, carried = ''] = fields(page).find(([name]) => name === 'redirect_uri') ?? []
  expect(unescaped(carried)).toBe(redirectUri)
  expect(page.body.includes('class="warning"')).toBe(false)
})

test('a program on this machine comes with a warning, and is shown with its port', async () => {
  await using relay = await createTestRelay()
  const redirectUris = ['http://localhost/callback']
  const client = await createOAuthClient(relay, { redirectUris })
  const page = await client.ask({ redirect_uri: 'http://localhost:4000/callback' })
  expect(page.body).toContain('class="warning"')
  expect(page.body).toContain('<code>http://localhost:4000/callback</code>')
})

test('the page shows its own host, then the destination, and the quoted name after it', async () => {
  await using relay = await createTestRelay()
  const name = 'Your bank” wants \u202ethe password “to see if it is you'
  const client = await createOAuthClient(relay, { name })
  const { body } = await client.ask()
  const shown = "Your bank' wants the password 'to see i…"
  const order = [
    `<code>${new URL(relay.url).host}</code>`,
    '<code>app.example</code>',
    `“<strong>${shown.replaceAll("'", '&#39;')}</strong>”`,
    'It chose this name itself.',
    'id="api_key"',
  ].map((text) => body.indexOf(text))
  expect(order).not.toContain(-1)
  expect(order).toEqual(order.toSorted((a, b) => a - b))
  expect(body).not.toContain('\u202e')
})

test.each([
  ['as it is', (key: string) => key],
  ['with white space', (key: string) => `\t ${key}\r\n`],
  ['with Bearer', (key: string) => `Bearer ${key}`],
  ['as a header', (key: string) => `Authorization: Bearer ${key}`],
  ['as a setting', (key: string) => `RELAY_API_KEY=${key}`],
  ['as a quoted setting', (key: string) => `export RELAY_API_KEY="${key}"`],
  ['in quotes', (key: string) => `"${key}"`],
  ['in typographic quotes', (key: string) => `“${key}”`],
  ['in backticks', (key: string) => `\`${key}\``],
  ['with invisible characters', (key: string) => `\ufeff${key}\u200b`],
])('the key is taken %s', async (_, paste) => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  expect((await client.decide({ api_key: paste(relay.key) })).status).toBe(302)
})

test('a key of odd characters is taken as it is', async () => {
  const key = '"RELAY_API_KEY=` bearer of thirty-two characters'
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY: key } })
  const client = await createOAuthClient(relay)
  expect((await client.decide()).status).toBe(302)
})

test('a client that asks to read is offered no more', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const page = await client.ask({ scope: 'mcp:read' })
  expect(fields(page).filter(([name]) => name === 'scope')).toEqual([['scope', 'mcp:read']])
})

test('the name of a registered client is its own word, that of a document has a host', async () => {
  await using relay = await createTestRelay()
  const posing = await createOAuthClient(relay, { name: 'Claude (claude.ai)' })
  const { body } = await posing.ask()
  expect(body).toContain('It chose this name itself.')
  expect(body).not.toContain('class="host"')
})

test('a client that may read and asks for more is named as asking again, and may keep reading', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  const radios = ({ body }: Answer) => body.match(/<input type="radio"[^>]*>/g)
  const again = await client.ask({ scope: 'mcp:read mcp' })
  expect(again.body).toContain('It asks again because')
  expect(radios(again)).toEqual([
    '<input type="radio" name="scope" value="mcp">',
    '<input type="radio" name="scope" value="mcp:read" checked>',
  ])
  // The scope of a client that has only read the metadata.
  const first = await client.ask({ scope: 'mcp mcp:read' })
  expect(first.body).not.toContain('again')
  expect(radios(first)?.[0]).toContain('value="mcp" checked')
})
