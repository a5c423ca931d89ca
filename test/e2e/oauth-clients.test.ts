/** The OAuth code of the official clients connects from nothing, and refreshes. */
import {
  Client,
  type OAuthClientProvider,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import { UnauthorizedError as LegacyUnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { expect, test } from 'vitest'
import { createTestRelay, type TestRelay } from '../support/relay.ts'

// biome-ignore lint/suspicious/noExplicitAny: the two clients have types of their own for one thing.
type Any = any

/** Keeps what a client would keep, and is the person at the consent page. */
function createProvider(relay: TestRelay) {
  const kept: Record<string, Any> = {}
  return {
    kept,
    code: '',
    iss: '',
    redirectUrl: 'http://localhost:43117/callback',
    clientMetadata: {
      client_name: 'Official client',
      redirect_uris: ['http://localhost:43117/callback'],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
    clientInformation: () => kept.client,
    saveClientInformation(client: Any) {
      kept.client = client
    },
    tokens: () => kept.tokens,
    saveTokens(tokens: Any) {
      kept.tokens = tokens
    },
    invalidateCredentials(scope: string) {
      if (scope === 'tokens') kept.tokens = undefined
    },
    saveCodeVerifier(verifier: string) {
      kept.verifier = verifier
    },
    codeVerifier: () => kept.verifier,
    saveDiscoveryState(state: Any) {
      kept.discovery = state
    },
    discoveryState: () => kept.discovery,
    async redirectToAuthorization(url: URL) {
      expect((await fetch(url)).status).toBe(200)
      const form = new URLSearchParams([...url.searchParams, ['api_key', relay.key]])
      const init = { method: 'POST', body: form, redirect: 'manual' } as const
      const answer = await fetch(new URL('/authorize', url), init)
      const callback = new URL(answer.headers.get('location') ?? '')
      this.code = callback.searchParams.get('code') ?? ''
      this.iss = callback.searchParams.get('iss') ?? ''
    },
  }
}

const CLIENTS = [
  [
    'sdk 1',
    () => new LegacyClient({ name: 'sdk-1', version: '1' }),
    (url: URL, authProvider: Any) => new LegacyTransport(url, { authProvider }),
    LegacyUnauthorizedError,
  ],
  ...(['auto', 'legacy', { pin: '2026-07-28' }] as const).map(
    (mode) =>
      [
        `client 2, ${JSON.stringify(mode)}`,
        () => new Client({ name: 'client-2', version: '1' }, { versionNegotiation: { mode } }),
        (url: URL, authProvider: Any) =>
          new StreamableHTTPClientTransport(url, {
            authProvider: authProvider as OAuthClientProvider,
          }),
        UnauthorizedError,
      ] as const,
  ),
] as const

test.each(CLIENTS)('%s discovers, registers, signs in, calls and refreshes', async (...args) => {
  const [, createClient, createTransport, Unauthorized] = args
  await using relay = await createTestRelay()
  const provider = createProvider(relay)
  const url = new URL('/mcp', relay.url)

  const first: Any = createTransport(url, provider)
  await expect((createClient() as Any).connect(first)).rejects.toThrow(Unauthorized)
  expect(provider.code).not.toBe('')
  await first.finishAuth(provider.code, provider.iss)

  const connect = async () => {
    const client: Any = createClient()
    await client.connect(createTransport(url, provider))
    return client
  }
  const client = await connect()
  const posted = await client.callTool({
    name: 'relay_post_message',
    arguments: { thread_name: 'signed-in', surface: 'chat', content: 'Hello.' },
  })
  expect(posted.structuredContent).toMatchObject({ seq: 1 })
  await client.close()

  const { tokens } = provider.kept
  provider.kept.tokens = { ...tokens, access_token: `${tokens.access_token}x` }
  const again = await connect()
  expect((await again.listTools()).tools).toHaveLength(6)
  expect(provider.kept.tokens.access_token).not.toBe(`${tokens.access_token}x`)
  await again.close()
})

test.each(CLIENTS)('%s that was cut off asks the person to sign in again', async (...args) => {
  const [, createClient, createTransport, Unauthorized] = args
  await using relay = await createTestRelay()
  const provider = createProvider(relay)
  const url = new URL('/mcp', relay.url)
  const signIn = async () => {
    const transport: Any = createTransport(url, provider)
    await expect((createClient() as Any).connect(transport)).rejects.toThrow(Unauthorized)
    await transport.finishAuth(provider.code, provider.iss)
  }
  const connect = async () => {
    const client: Any = createClient()
    await client.connect(createTransport(url, provider))
    return client
  }
  const post = (client: Any) =>
    client.callTool({
      name: 'relay_post_message',
      arguments: { thread_name: 'a', surface: 'chat', content: 'Hello.' },
    })
  await signIn()
  const client = await connect()
  await post(client)
  const manage = (body: object) =>
    relay.fetch('/manage', {
      method: 'POST',
      headers: { authorization: `Bearer ${relay.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const listed: Any = await (await manage({ action: 'list_connections' })).json()
  await manage({ action: 'disconnect', gid: listed.connections[0].gid })
  const { code } = provider
  await expect(post(client)).rejects.toThrow(Unauthorized)
  // It went to the consent page, where this person allowed it anew.
  expect(provider.code).not.toBe(code)
})
