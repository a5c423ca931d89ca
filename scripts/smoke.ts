/**
 * Talks to a running relay as its clients do, and prints a line for each thing that must hold.
 *
 *   RELAY_URL=https://relay-mcp.example.workers.dev RELAY_API_KEY=… npm run smoke
 *
 * Without RELAY_URL it talks to the relay of `npm start`. It makes two threads, which it archives.
 * Exit codes: 0 when everything holds, 1 when something does not or the relay cannot be reached,
 * 2 when a setting is missing.
 */
import { startChecks } from './lib/checks.ts'
import { McpClient } from './lib/mcp-client.ts'
import { OAuthClient, returned } from './lib/oauth-client.ts'
import { readTarget } from './lib/target.ts'
import { UserError } from './lib/user-error.ts'

const TOOLS = [
  'relay_archive_thread',
  'relay_check_new',
  'relay_create_thread',
  'relay_list_threads',
  'relay_post_message',
  'relay_read_thread',
]

const checks = startChecks()
const check = checks.check.bind(checks)

try {
  const { url, key } = readTarget()
  const { origin } = url
  console.log(`relay at ${origin}`)
  const relay = new McpClient(origin, key)
  await checkHttp(relay)
  await checkProtocol(relay)
  await checkTools(relay)
  await checkContext(relay)
  await checkOAuth(relay, origin, key)
} catch (error) {
  if (error instanceof UserError) {
    console.error(error.message)
    process.exit(2)
  }
  const { message, cause } = error as Error
  check('run', false, cause ? `${message}: ${(cause as Error).message}` : message)
}
console.log(`${checks.passed} passed, ${checks.failed} failed`)
process.exit(checks.failed > 0 ? 1 : 0)

async function checkHttp(relay: McpClient): Promise<void> {
  const health = await relay.fetch('/health')
  check('health.status', health.status === 200, health.body)
  check('health.ok', health.body.ok === true, health.body)
  check('health.service', health.body.service === 'relay-mcp', health.body)

  const hello = await relay.fetch('/')
  check('hello.service', hello.body.service === 'relay-mcp', hello.body)

  const unknown = await relay.fetch('/.well-known/openid-configuration')
  check('unknown-path.status', unknown.status === 404, unknown.status)

  const none = await relay.legacy('tools/list', {}, { authorization: undefined })
  check('no-key.status', none.status === 401, none.status)
  const challenge = none.headers.get('www-authenticate') ?? ''
  check('no-key.challenge', challenge.startsWith('Bearer '), challenge)
  const wrong = await relay.legacy('tools/list', {}, { authorization: 'Bearer wrong' })
  check('wrong-key.status', wrong.status === 401, wrong.status)
  check('wrong-key.result', !('result' in wrong.body), wrong.body)

  const foreign = await relay.legacy('ping', {}, { origin: 'https://foreign.example' })
  check('foreign-origin.status', foreign.status === 403, foreign.status)
  const get = await relay.fetch('/mcp')
  check('get-without-key.status', get.status === 401, get.status)
  const text = await relay.legacy('ping', {}, { 'content-type': 'text/plain' })
  check('media-type.status', text.status === 415, text.status)
  const broken = await relay.post('{"jsonrpc":')
  check('parse-error.status', broken.status === 400, broken.status)
  check('parse-error.code', broken.body.error?.code === -32700, broken.body)
}

async function checkProtocol(relay: McpClient): Promise<void> {
  const initialized = await relay.legacy('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'smoke', version: '1' },
  })
  const { result: server } = initialized.body
  check('initialize.status', initialized.status === 200, initialized.status)
  check('initialize.name', server?.serverInfo?.name === 'relay-mcp', initialized.body)
  check('initialize.version', server?.protocolVersion === '2025-11-25', initialized.body)
  check('initialize.instructions', Boolean(server?.instructions), initialized.body)

  const old = await relay.legacy('initialize', { protocolVersion: '2024-11-05' })
  check('initialize.oldest', old.body.result?.protocolVersion === '2024-11-05', old.body)
  const ping = await relay.legacy('ping')
  check('ping.result', JSON.stringify(ping.body.result) === '{}', ping.body)
  const noted = await relay.post({ jsonrpc: '2.0', method: 'notifications/initialized' })
  check('notification.status', noted.status === 202, noted.status)
  const missing = await relay.legacy('no/such/method')
  check('unknown-method.legacy', missing.status === 200, missing.status)
  check('unknown-method.code', missing.body.error?.code === -32601, missing.body)

  const discovered = await relay.modern('server/discover')
  const versions = discovered.body.result?.supportedVersions
  check('discover.status', discovered.status === 200, discovered.body)
  check('discover.versions', JSON.stringify(versions) === '["2026-07-28"]', discovered.body)
  const modern = await relay.modern('no/such/method')
  check('unknown-method.modern', modern.status === 404, modern.status)

  for (const [era, answer] of [
    ['legacy', await relay.legacy('tools/list')],
    ['modern', await relay.modern('tools/list')],
  ] as const) {
    const names = (answer.body.result?.tools ?? []).map((tool: { name: string }) => tool.name)
    check(`tools-list.${era}`, JSON.stringify(names.sort()) === JSON.stringify(TOOLS), names)
  }
  const unknown = await relay.legacy('tools/call', { name: 'relay_delete_everything' })
  check('unknown-tool.code', unknown.body.error?.code === -32602, unknown.body)
}

async function checkTools(relay: McpClient): Promise<void> {
  const thread_name = `smoke-${Date.now()}`
  const reader_tag = `${thread_name}-reader`
  const post = (content: string, more: object = {}) =>
    relay.call('relay_post_message', { thread_name, content, surface: 'code', ...more })

  const created = await relay.call('relay_create_thread', {
    name: thread_name,
    description: 'Made by the smoke test',
  })
  check('create.id', typeof created.structuredContent?.id === 'string', created.content)
  check('create.name', created.structuredContent?.name === thread_name, created.content)
  const twice = await relay.call('relay_create_thread', { name: thread_name })
  check('create.existing', twice.isError === true, twice.content)

  try {
    const first = await post('First, with Ünïcödé 🚀', { idempotency_key: 'first' })
    check('post.id', typeof first.structuredContent?.id === 'string', first.content)
    check('post.seq', first.structuredContent?.seq === 1, first.content)
    const again = await post('First, with Ünïcödé 🚀', { idempotency_key: 'first' })
    check('post.duplicate', again.structuredContent?.duplicate === true, again.content)
    const empty = await post('')
    check('post.empty', empty.isError === true, empty.content)
    const unknown = await post('x', { to: 'chat' })
    check('post.unknown-argument', unknown.isError === true, unknown.content)

    const read = await relay.call('relay_read_thread', { thread_name, reader_tag })
    const messages = JSON.parse(read.content[0]?.text ?? 'null')
    check('read.array', Array.isArray(messages), read.content)
    check('read.count', messages?.length === 1, messages)
    check('read.content', messages?.[0]?.content === 'First, with Ünïcödé 🚀', messages)
    check('read.surface', messages?.[0]?.surface === 'code', messages)
    const same = JSON.stringify(read.structuredContent?.messages) === JSON.stringify(messages)
    check('read.structured', same, read.structuredContent)

    const news = () => relay.call('relay_check_new', { thread_name, reader_tag })
    const none = await news()
    check('check.nothing', none.structuredContent?.new_message_count === 0, none.content)
    await post('Second')
    const peek = await relay.call('relay_check_new', { thread_name, reader_tag, peek: true })
    check('check.peek', peek.structuredContent?.new_message_count === 1, peek.content)
    const one = await news()
    check('check.one', one.structuredContent?.new_message_count === 1, one.content)
    check('check.message', one.structuredContent?.messages?.[0]?.content === 'Second', one.content)
    check('check.remaining', one.structuredContent?.remaining_count === 0, one.content)
    const over = await news()
    check('check.once', over.structuredContent?.new_message_count === 0, over.content)
    await post('Third', { reader_tag })
    const own = await news()
    check('check.own-news', own.structuredContent?.new_message_count === 0, own.content)

    const found = await relay.call('relay_read_thread', { thread_name, query: 'second' })
    check('search.count', found.structuredContent?.messages?.length === 1, found.content)
    const lost = await relay.call('relay_read_thread', { thread_name: `${thread_name}-typo` })
    check('read.missing', lost.isError === true, lost.content)
    const near = lost.content[0]?.text.includes(`"${thread_name}"`) ?? false
    check('read.missing-names', near, lost.content)

    const listed = await relay.call('relay_list_threads')
    const mine = JSON.parse(listed.content[0]?.text ?? '[]').find(
      (thread: { name: string }) => thread.name === thread_name,
    )
    check('list.found', mine !== undefined, listed.content)
    check('list.message-count', mine?.message_count === 3, mine)
  } finally {
    const archived = await relay.call('relay_archive_thread', { thread_name })
    check('archive.answer', archived.structuredContent?.archived === true, archived.content)
  }
  const active = await relay.call('relay_list_threads', { query: thread_name })
  check('archive.hidden', active.structuredContent?.threads?.length === 0, active.content)
  const all = await relay.call('relay_list_threads', { query: thread_name, include_archived: true })
  check('archive.kept', all.structuredContent?.threads?.length === 1, all.content)
}

/** What clients show where people look: resources, prompts and completion, in both eras. */
async function checkContext(relay: McpClient): Promise<void> {
  const name = `smoke-${Date.now()}-context`
  const uri = `relay://threads/${name}`
  const message = { thread_name: name, content: '# Over to you', surface: 'code' }
  await relay.call('relay_post_message', message)
  try {
    for (const era of ['legacy', 'modern'] as const) {
      const ask = (method: string, params?: Record<string, unknown>) => relay[era](method, params)
      const listed = await ask('resources/list')
      const uris = (listed.body.result?.resources ?? []).map((one: { uri: string }) => one.uri)
      check(`resources-list.${era}`, uris[0] === 'relay://threads' && uris.includes(uri), uris)
      const read = await ask('resources/read', { uri })
      const text = read.body.result?.contents?.[0]?.text ?? ''
      check(`resources-read.${era}`, text.includes('\n> # Over to you\n'), read.body)
      const missing = await ask('resources/read', { uri: `${uri}-typo` })
      const code = era === 'modern' ? -32602 : -32002
      check(`resources-read.missing.${era}`, missing.body.error?.code === code, missing.body)
      const templates = await ask('resources/templates/list')
      const [template] = templates.body.result?.resourceTemplates ?? []
      const isTemplate = template?.uriTemplate === 'relay://threads/{name}'
      check(`resources-templates.${era}`, isTemplate, templates.body)
      const prompts = await ask('prompts/list')
      check(`prompts-list.${era}`, prompts.body.result?.prompts?.length === 2, prompts.body)
      const prompt = await ask('prompts/get', { name: 'hand_off', arguments: { thread: name } })
      const said = prompt.body.result?.messages?.[0]?.content?.text ?? ''
      check(`prompts-get.${era}`, said.includes(name), prompt.body)
      const ref = { type: 'ref/prompt', name: 'catch_up' }
      const argument = { name: 'thread', value: name.slice(0, -1) }
      const completed = await ask('completion/complete', { ref, argument })
      const [value] = completed.body.result?.completion?.values ?? []
      check(`completion.${era}`, value === name, completed.body)
    }
    const hints = (await relay.modern('resources/read', { uri })).body.result
    check('resources-read.private', hints?.cacheScope === 'private' && hints.ttlMs === 0, hints)
  } finally {
    await relay.call('relay_archive_thread', { thread_name: name })
  }
}

/** Registers a client, signs in as the person would, and comes back with tokens. */
async function checkOAuth(relay: McpClient, origin: string, key: string): Promise<void> {
  const resource = await relay.fetch('/.well-known/oauth-protected-resource/mcp')
  check('oauth.resource', resource.body.resource === `${origin}/mcp`, resource.body)
  const server = await relay.fetch('/.well-known/oauth-authorization-server')
  check('oauth.issuer', server.body.issuer === origin, server.body)
  const none = await relay.legacy('ping', {}, { authorization: undefined })
  const challenge = none.headers.get('www-authenticate') ?? ''
  check(
    'oauth.challenge',
    challenge.includes('/.well-known/oauth-protected-resource/mcp'),
    challenge,
  )

  const redirectUri = 'https://smoke.example/callback'
  const client = new OAuthClient(relay, { origin, name: 'Smoke test', redirectUri })
  const registered = await client.register()
  check('oauth.register', registered.status === 201, registered.body)
  const script = await client.registerFor('javascript:alert(1)')
  check('oauth.register-script', script.status === 400, script.body)

  const page = await client.consentPage()
  check('oauth.page', page.status === 200 && `${page.body}`.includes('api_key'), page.status)
  const policy = page.headers.get('content-security-policy') ?? ''
  check('oauth.page-frames', policy.includes("frame-ancestors 'none'"), policy)
  const stolen = await client.allow(key, { redirect_uri: 'https://evil.example/callback' })
  check('oauth.other-redirect', stolen.status === 400, stolen.status)
  const wrong = await client.allow('wrong')
  check('oauth.wrong-key', !wrong.headers.has('location'), wrong.status)
  const allowed = await client.allow(key)
  const parameters = returned(allowed)
  const code = parameters.get('code') ?? ''
  check('oauth.code', allowed.status === 302 && code !== '', allowed.status)
  check('oauth.state', parameters.get('state') === client.state)
  check('oauth.iss', parameters.get('iss') === origin)

  const swapped = await client.exchange(code, 'x'.repeat(43))
  check('oauth.wrong-verifier', swapped.body.error === 'invalid_grant', swapped.body)
  const tokens = await client.exchange(code)
  const { access_token = '', refresh_token = '' } = tokens.body
  check('oauth.token', tokens.status === 200 && access_token !== '', tokens.status)
  const listed = await relay.legacy('tools/list', {}, { authorization: `Bearer ${access_token}` })
  check('oauth.call', listed.body.result?.tools?.length === 6, listed.status)
  const misused = await relay.legacy('ping', {}, { authorization: `Bearer ${refresh_token}` })
  check('oauth.refresh-as-access', misused.status === 401, misused.status)
  const refreshed = await client.refresh(refresh_token, { scope: 'mcp:read' })
  check('oauth.refresh', refreshed.body.scope === 'mcp:read', refreshed.status)
  const { status } = await relay.legacy(
    'tools/call',
    { name: 'relay_post_message', arguments: {} },
    { authorization: `Bearer ${refreshed.body.access_token}` },
  )
  check('oauth.scope', status === 403, status)
}
