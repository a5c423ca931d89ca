/** The board as a client: known without a fetch or a registration, at its own address only. */
import { expect, test } from 'vitest'
import { createOAuthClient } from '../../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

const boardOf = (relay: TestRelay) =>
  createOAuthClient(relay, {
    clientId: `${relay.url}/board/client.json`,
    redirectUri: `${relay.url}/board/`,
  })

test('it gets tokens, and they identify its posts', async () => {
  await using relay = await createTestRelay()
  const client = await boardOf(relay)
  const { access_token, scope } = await client.connect()
  expect(scope).toBe('mcp')
  const answer = await relay.rpc(
    {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name: 'relay_post_message',
        arguments: { thread_name: 'a', content: 'x', surface: 'other', reader_tag: 'board' },
      },
    },
    { authorization: `Bearer ${access_token}` },
  )
  expect(answer.body.result.isError).toBeUndefined()
  const { structuredContent } = await relay.call('relay_read_thread', { thread_name: 'a' })
  expect(structuredContent.messages).toMatchObject([{ from: 'board', via: 'Relay board' }])
})

test.each([
  'http://127.0.0.1:9999/board/',
  'http://localhost:9999/board/',
  'http://[::1]/board/',
  'https://evil.example/board/',
])('no code goes to %s', async (redirect_uri) => {
  await using relay = await createTestRelay()
  const client = await boardOf(relay)
  for (const answer of [
    await client.ask({ redirect_uri }),
    await client.decide({ redirect_uri, api_key: relay.key }),
  ]) {
    expect(answer.status).toBe(400)
    expect(answer.headers.get('location')).toBeNull()
    expect(answer.body).not.toContain('code=')
  }
})

test('the document of another relay is not the board here', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay, {
    clientId: 'http://127.0.0.1:1/board/client.json',
    redirectUri: 'http://127.0.0.1:1/board/',
  })
  expect((await client.ask()).status).toBe(400)
})
