/** How to connect each client: whether the client reads the text to be pasted. */
import { spawnSync } from 'node:child_process'
import { parse as parseToml } from 'smol-toml'
import { expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { type ConnectGuide, connectGuides } from '../../../board/text/connect-guides.ts'

const URL_OF_RELAY = 'https://relay.example.workers.dev/mcp'

test('every client of the list has its section, with the address in each block', async () => {
  const guides = connectGuides(URL_OF_RELAY)
  expect(guides.map(({ name }) => name.split(/,| tasks/)[0])).toEqual([
    'Claude Code',
    'Claude.ai',
    'Cowork',
    'Claude Desktop',
    'Cursor',
    'VS Code',
    'Codex',
    'Gemini CLI',
    'ChatGPT',
  ])
  for (const { text } of guides.flatMap(({ blocks }) => blocks))
    expect(text).toContain(URL_OF_RELAY)
})

const guide = (name: string) =>
  connectGuides(URL_OF_RELAY).find((each) => each.name.startsWith(name)) as ConnectGuide
const block = (name: string, into: string) =>
  guide(name).blocks.find((each) => each.into.includes(into))?.text as string

const AUTHORIZATION = { Authorization: 'Bearer YOUR_RELAY_KEY' }

test('the command for Claude Code is one line of words that a shell takes as they are meant', () => {
  const command = block('Claude Code', 'Terminal').replace(/^claude /, '')
  const { stdout } = spawnSync('/bin/sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' })
  expect(stdout.trim().split('\n')).toEqual([
    'mcp',
    'add',
    '--scope',
    'user',
    '--transport',
    'http',
    'relay',
    URL_OF_RELAY,
    '--header',
    'Authorization: Bearer YOUR_RELAY_KEY',
  ])
})

test.each([
  [
    'Claude Code',
    '.mcp.json',
    {
      mcpServers: {
        relay: {
          type: 'http',
          url: URL_OF_RELAY,
          // biome-ignore lint/suspicious/noTemplateCurlyInString: Claude Code expands it.
          headers: { Authorization: 'Bearer ${RELAY_KEY}' },
        },
      },
    },
  ],
  ['Cursor', 'mcp.json', { mcpServers: { relay: { url: URL_OF_RELAY, headers: AUTHORIZATION } } }],
  [
    'Gemini CLI',
    'settings.json',
    { mcpServers: { relay: { httpUrl: URL_OF_RELAY, headers: AUTHORIZATION } } },
  ],
  [
    'VS Code',
    'mcp.json',
    {
      inputs: [{ id: 'relay', type: 'promptString', password: true }],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: VS Code expands it.
      servers: { relay: { type: 'http', headers: { Authorization: 'Bearer ${input:relay}' } } },
    },
  ],
])('the block of %s for %s is JSON as the client reads it', (name, into, expected) => {
  expect(JSON.parse(block(name, into))).toMatchObject(expected)
})

test('the block of Claude Desktop allows plain http only where the address has it', () => {
  const args = (url: string) => {
    const desktop = connectGuides(url).find(({ name }) => name === 'Claude Desktop')
    const { relay } = JSON.parse(desktop?.blocks[0]?.text ?? '').mcpServers
    expect(relay.env.AUTH_HEADER).toBe(AUTHORIZATION.Authorization)
    return relay.args
  }
  expect(args(URL_OF_RELAY)).not.toContain('--allow-http')
  expect(args('http://127.0.0.1:8787/mcp')).toContain('--allow-http')
})

test('the block of Codex is TOML, that of Cowork YAML', () => {
  expect(parseToml(block('Codex', 'config.toml'))).toEqual({
    mcp_servers: { relay: { url: URL_OF_RELAY, bearer_token_env_var: 'RELAY_KEY' } },
  })
  expect(parseYaml(block('Cowork', 'task'))).toEqual({
    mcp_servers: { relay: { type: 'http', url: URL_OF_RELAY, headers: AUTHORIZATION } },
  })
})

test('the links that install carry the address and no key', () => {
  const cursor = new URL(guide('Cursor').install as string)
  expect(cursor.pathname).toBe('/mcp/install')
  expect(cursor.searchParams.get('name')).toBe('relay')
  expect(JSON.parse(atob(cursor.searchParams.get('config') as string))).toEqual({
    url: URL_OF_RELAY,
  })
  const [, json] = (guide('VS Code').install as string).split('vscode:mcp/install?')
  expect(JSON.parse(decodeURIComponent(json as string))).toEqual({
    name: 'relay',
    type: 'http',
    url: URL_OF_RELAY,
  })
})
