/** How the view for chats is offered: off by default, the same in both protocol eras when it is on. */
import { expect, test } from 'vitest'
import { McpClient } from '../../../scripts/lib/mcp-client.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

const APP = { bindings: { RELAY_APP: '1' } }
const URI = 'ui://relay/board.html'
const EXTENSION = { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } }
const INITIALIZE = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'a client', version: '1' },
}

async function ask(
  relay: TestRelay,
  era: 'legacy' | 'modern',
  method: string,
  params: object = {},
) {
  const client = new McpClient(relay.url, relay.key)
  const { body } = await client[era](method, params as Record<string, unknown>)
  return body.result
}

test.each([
  ['legacy', 'initialize', INITIALIZE],
  ['modern', 'server/discover', {}],
] as const)(
  'in the %s era %s declares it, whatever the client announces',
  async (era, method, params) => {
    await using relay = await createTestRelay(APP)
    const { capabilities } = await ask(relay, era, method, params)
    expect(capabilities.extensions).toMatchObject(EXTENSION)
    expect(capabilities.tools).toEqual({})
  },
)

test.each(['legacy', 'modern'] as const)(
  'in the %s era one tool has the view, and the view is a resource',
  async (era) => {
    await using relay = await createTestRelay(APP)
    const { tools } = await ask(relay, era, 'tools/list')
    const withView = tools.filter((tool: { _meta?: object }) =>
      JSON.stringify(tool._meta)?.includes('ui://'),
    )
    expect(withView).toMatchObject([
      {
        name: 'relay_list_threads',
        _meta: {
          ui: { resourceUri: URI },
          'ui/resourceUri': URI,
          'anthropic/maxResultSizeChars': 500_000,
        },
      },
    ])
    const { resources } = await ask(relay, era, 'resources/list')
    expect(resources).toContainEqual(
      expect.objectContaining({ uri: URI, mimeType: 'text/html;profile=mcp-app' }),
    )
    const { contents } = await ask(relay, era, 'resources/read', { uri: URI })
    expect(contents).toMatchObject([
      { uri: URI, mimeType: 'text/html;profile=mcp-app', _meta: { ui: { prefersBorder: true } } },
    ])
    expect(contents[0]._meta.ui).toEqual({ prefersBorder: true })
  },
)

test('the document loads nothing, has no handlers in its markup, and is at most 130 KB', async () => {
  await using relay = await createTestRelay(APP)
  const { contents } = await ask(relay, 'modern', 'resources/read', { uri: URI })
  const html: string = contents[0].text
  expect(Buffer.byteLength(html)).toBeLessThanOrEqual(130_000)
  expect(html.startsWith('<!doctype html>')).toBe(true)
  const markup = html.replace(/<style>.*?<\/style>/s, '').replace(/<script>.*<\/script>/s, '')
  expect(markup).not.toMatch(/\s(src|href|on\w+)=/)
  expect(markup).toContain(`content="${relay.url}/board/"`)
  const style = /<style>(.*?)<\/style>/s.exec(html)?.[1] ?? ''
  expect(style).not.toMatch(/url\(|@import|@font-face/)
  expect(html).not.toMatch(/\beval\(|new Function\(/)
  expect(html).not.toContain('{{board}}')
  // None of these is asked for: names of XML namespaces, a sentence of the Markdown reader's errors, and
  // the board that links are made of.
  const addresses = html.replaceAll(relay.url, '').matchAll(/https?:\/\/[\w.-]+\.\w+/g)
  expect(new Set([...addresses].map(([address]) => address))).toEqual(
    new Set(['http://www.w3.org', 'https://github.com']),
  )
})

test('the answer of the tool is the same with it and without it', async () => {
  await using plain = await createTestRelay()
  await using relay = await createTestRelay(APP)
  const answers = []
  for (const each of [plain, relay]) {
    await each.call('relay_create_thread', { name: 'a', description: 'b' })
    answers.push(await each.call('relay_list_threads', { preview: true }))
  }
  expect(answers[1]).toEqual(answers[0])
})

test('by default it is off: nothing is declared, listed or readable, nor served at an address', async () => {
  await using relay = await createTestRelay()
  const { capabilities } = await ask(relay, 'legacy', 'initialize', INITIALIZE)
  expect(capabilities.extensions).not.toHaveProperty('io.modelcontextprotocol/ui')
  expect(JSON.stringify(await ask(relay, 'modern', 'tools/list'))).not.toContain('ui://')
  expect(JSON.stringify(await ask(relay, 'modern', 'resources/list'))).not.toContain('ui://')
  expect(await ask(relay, 'modern', 'resources/read', { uri: URI })).toBeUndefined()
  for (const path of ['/app/board.html', '/board/../app/board.html', '/board/app']) {
    expect((await relay.fetch(path)).status).toBe(404)
  }
})

test('with the database away the view is still listed and read', async () => {
  await using relay = await createTestRelay({ ...APP, supabaseUrl: 'http://127.0.0.1:9' })
  const { resources } = await ask(relay, 'modern', 'resources/list')
  const uris = resources.map(({ uri }: { uri: string }) => uri)
  expect(uris.slice(0, 2)).toEqual(['relay://threads', URI])
  expect((await ask(relay, 'modern', 'resources/read', { uri: URI })).contents[0].text).toContain(
    'Relay',
  )
})
