/** The files of the Claude Code plugin: that they agree with each other, and where its settings come from. */
import { access, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import project from '../../../package.json' with { type: 'json' }

const ROOT = new URL('../../../', import.meta.url)
const PLUGIN = new URL('integrations/claude-code/', ROOT)

const read = (path: string) => readFile(new URL(path, PLUGIN), 'utf8')

test('the files of the plugin lead to one another', async () => {
  const marketplace = JSON.parse(
    await readFile(new URL('.claude-plugin/marketplace.json', ROOT), 'utf8'),
  )
  const plugin = JSON.parse(await read('.claude-plugin/plugin.json'))
  const [offered] = marketplace.plugins
  expect(new URL(`${offered.source}/`, ROOT).href).toBe(PLUGIN.href)
  expect(offered).toMatchObject({ name: plugin.name, description: plugin.description })
  expect(plugin.version).toBe(project.version)

  const { hooks } = JSON.parse(await read('hooks/hooks.json'))
  const named = [JSON.stringify(hooks), await read('commands/catch-up.md')].flatMap((text) =>
    [...text.matchAll(/\$\{CLAUDE_PLUGIN_ROOT\}\/([\w./-]+)/g)].map(([, path = '']) => path),
  )
  expect([...new Set(named)].sort()).toEqual(['hooks/news.mjs', 'hooks/session-start.mjs'])
  for (const path of named) await access(new URL(path, PLUGIN))
})

test('URL and key of the plugin come from its settings, with no default', async () => {
  const { mcpServers } = JSON.parse(await read('.mcp.json'))
  const { userConfig } = JSON.parse(await read('.claude-plugin/plugin.json'))
  const { hooks } = JSON.parse(await read('hooks/hooks.json'))
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: Claude Code expands them.
  expect(mcpServers).toEqual({
    relay: {
      type: 'http',
      url: '${user_config.url}',
      headers: { Authorization: 'Bearer ${user_config.api_key}' },
    },
  })
  // A default such as ${RELAY_URL} would lead the key of the settings to the environment's address.
  expect(Object.values(userConfig).filter((option) => 'default' in (option as object))).toEqual([])
  expect(userConfig.api_key.sensitive).toBe(true)
  // Without a shell: Claude Code refuses to fill a setting into a shell command.
  const script = '${CLAUDE_PLUGIN_ROOT}/hooks/session-start.mjs'
  expect(hooks.SessionStart[0].hooks).toEqual([
    { type: 'command', command: 'node', args: [script, '--url', '${user_config.url}'], timeout: 5 },
    { type: 'command', command: 'node', args: [script], timeout: 5 },
  ])
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: Claude Code expands them.
})
