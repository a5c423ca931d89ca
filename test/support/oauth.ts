/**
 * createOAuthClient(): a public client of the relay's authorization server. It registers itself and takes
 * each step with valid parameters, which a test can replace.
 */
import { createHash, randomBytes } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { parseJson } from '../../scripts/lib/json.ts'
import type { RpcResponse, TestRelay } from './relay.ts'

/** Replaces parameters: undefined omits one, an array repeats one. */
export type Overrides = Record<string, string | string[] | undefined>

export type Answer = RpcResponse

export interface Tokens {
  access_token: string
  refresh_token: string
  scope: string
}

export type OAuthClient = Awaited<ReturnType<typeof createOAuthClient>>

interface ClientOptions {
  redirectUris?: string[]
  /** Which of them this client uses, if not the first; or the one it presents instead. */
  redirectUri?: string
  name?: string
  /** Uses this client id instead of registering. */
  clientId?: string
}

const CALLBACK = 'https://app.example/callback'

export async function createOAuthClient(relay: TestRelay, options: ClientOptions = {}) {
  const { redirectUris = [CALLBACK], name = 'A client' } = options
  const redirectUri = options.redirectUri ?? redirectUris[0] ?? ''
  const clientId = options.clientId ?? (await registered(relay, name, redirectUris))
  const verifier = randomBytes(32).toString('base64url')
  const challenge = challengeOf(verifier)
  const parameters = {
    client_id: clientId,
    redirect_uri: redirectUri,
    state: 'a state',
    scope: 'mcp',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    resource: `${relay.url}/mcp`,
  }

  const client = {
    clientId,
    redirectUri,
    verifier,
    challenge,

    /** Asks for the consent page. */
    ask(overrides?: Overrides) {
      const query = form({ ...parameters, response_type: 'code' }, overrides)
      return send(relay, `/authorize?${query}`, { method: 'GET' })
    },

    /** Posts the form of the consent page with the key, as the page itself does. */
    decide(
      overrides?: Overrides,
      headers: Record<string, string> = { 'sec-fetch-site': 'same-origin', origin: relay.url },
    ) {
      const body = form({ ...parameters, api_key: relay.key }, overrides)
      return send(relay, '/authorize', { method: 'POST', headers, body })
    },

    /** Posts the form and returns the code. */
    async authorize(overrides?: Overrides): Promise<string> {
      const answer = await client.decide(overrides)
      const code = destination(answer).get('code')
      if (!code) throw new Error(`No code: ${answer.status} ${answer.headers.get('location')}`)
      return code
    },

    exchange: (code: string, overrides?: Overrides) =>
      token(
        {
          grant_type: 'authorization_code',
          code,
          redirect_uri: redirectUri,
          code_verifier: verifier,
        },
        overrides,
      ),

    refresh: (refresh_token: string, overrides?: Overrides) =>
      token({ grant_type: 'refresh_token', refresh_token }, overrides),

    /** Authorizes and exchanges. */
    async connect(overrides?: Overrides): Promise<Tokens> {
      const { status, body } = await client.exchange(await client.authorize(overrides))
      if (status !== 200) throw new Error(`No tokens: ${status} ${JSON.stringify(body)}`)
      return body
    },
  }

  function token(given: Overrides, overrides?: Overrides): Promise<Answer> {
    const all = { client_id: clientId, resource: parameters.resource, ...given }
    return send(relay, '/token', { method: 'POST', body: form(all, overrides) })
  }
  return client
}

/** Posts a registration from a new address, because registrations are limited per address. */
export function register(
  relay: TestRelay,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return send(relay, '/register', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'cf-connecting-ip': anyAddress(),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

async function registered(relay: TestRelay, name: string, uris: string[]): Promise<string> {
  const { status, body } = await register(relay, { client_name: name, redirect_uris: uris })
  if (status !== 201) throw new Error(`Not registered: ${status} ${JSON.stringify(body)}`)
  return body.client_id
}

/** Sends a request, reads the whole answer, and follows no redirect. */
export async function send(relay: TestRelay, path: string, init: RequestInit): Promise<Answer> {
  const response = await relay.fetch(path, { redirect: 'manual', ...init })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: parseJson(text) }
}

/** Sends a request with another Host, which fetch cannot do. */
export function sendAs(
  host: string,
  relay: TestRelay,
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const { method = 'GET', body, headers } = init
  return new Promise((resolve, reject) => {
    const options = { method, headers: { ...headers, host, connection: 'close' } }
    httpRequest(new URL(path, relay.url), options, async (response) => {
      let text = ''
      for await (const chunk of response) text += chunk
      const given = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
      resolve({
        status: response.statusCode ?? 0,
        headers: new Headers(given as [string, string][]),
        body: parseJson(text),
      })
    })
      .on('error', reject)
      .end(body)
  })
}

export function form(given: Overrides, overrides: Overrides = {}): URLSearchParams {
  const pairs = Object.entries({ ...given, ...overrides }).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => [name, one] as [string, string]),
  )
  return new URLSearchParams(pairs)
}

/** Reads the parameters that a redirect passes to the client; empty if it is not a redirect. */
export function destination({ headers }: Answer): URLSearchParams {
  return URL.parse(headers.get('location') ?? '')?.searchParams ?? new URLSearchParams()
}

export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}

/** Returns an address that no other test has used. */
export function anyAddress(): string {
  const group = () => randomBytes(2).toString('hex')
  return `2001:db8:${group()}:${group()}::1`
}

/** Whether an answer contains anything an attacker could use: a code, a token, or another redirect. */
export function issues({ headers, body }: Answer): boolean {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return /[?&]code=/.test(headers.get('location') ?? '') || /"(access|refresh)_token":/.test(text)
}

/** Calls a tool with a token, as a client of the legacy era. */
export function callWith(
  relay: TestRelay,
  token: string,
  tool = 'relay_post_message',
  args: object = POST,
): Promise<RpcResponse> {
  const params = { name: tool, arguments: args }
  return relay.rpc(
    { jsonrpc: '2.0', id: 1, method: 'tools/call', params },
    { authorization: `Bearer ${token}`, 'mcp-protocol-version': '2025-11-25' },
  )
}

const POST = { thread_name: 'taken', surface: 'code', content: 'Written by a thief.' }
