/** The files of the Claude Code plugin: that they agree with each other, and where its settings come from. */
import { access, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { parseWatch } from '../../../integrations/claude-code/hooks/thread-names.mjs'
import project from '../../../package.json' with { type: 'json' }
import { getPrompt } from '../../../src/context/prompts.ts'

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

  const named = [await read('hooks/hooks.json'), await read('monitors/monitors.json')].flatMap(
    (text) =>
      [...text.matchAll(/\$\{CLAUDE_PLUGIN_ROOT\}\/([\w./-]+)/g)].map(([, path = '']) => path),
  )
  expect([...new Set(named)].sort()).toEqual([
    'hooks/session-end.mjs',
    'hooks/session-start.mjs',
    'hooks/user-prompt.mjs',
    'monitors/watch.mjs',
  ])
  for (const path of named) await access(new URL(path, PLUGIN))
  const [monitor] = JSON.parse(await read('monitors/monitors.json'))
  expect(monitor.when).toBe(`on-skill-invoke:${plugin.name}:watch`)
  // Claude Code drops a monitor whose command contains a setting, without a word.
  expect(monitor.command).not.toContain('user_config')
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
  for (const [event, name] of [
    ['SessionStart', 'session-start'],
    ['UserPromptSubmit', 'user-prompt'],
  ] as const) {
    const script = [`\${CLAUDE_PLUGIN_ROOT}/hooks/${name}.mjs`, '--data', '${CLAUDE_PLUGIN_DATA}']
    const hook = { type: 'command', command: 'node', timeout: 5 }
    expect(hooks[event][0].hooks).toEqual([
      { ...hook, args: [...script, '--url', '${user_config.url}'] },
      { ...hook, args: script },
    ])
  }
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: Claude Code expands them.
})

test('every command may use the tools it names, under both names of the server', async () => {
  for (const command of ['catch-up', 'hand-off', 'watch']) {
    const [, list = '', text = ''] =
      /^allowed-tools: (.*)\n(?:.*\n)*?---\n(.*)$/ms.exec(await read(`commands/${command}.md`)) ??
      []
    const named = [...new Set(text.match(/relay_(?:check|read|list|post)_\w+/g))]
    expect(named).not.toEqual([])
    const allowed = list.split(', ')
    for (const tool of named) {
      expect(allowed).toContain(`mcp__relay__${tool}`)
      expect(allowed).toContain(`mcp__plugin_relay_relay__${tool}`)
    }
    // Only a hand-off posts.
    expect(list.includes('relay_post_message')).toBe(command === 'hand-off')
    expect(list).not.toMatch(/archive|create/)
  }
})

test.each(['hand-off', 'catch-up'])(
  'the skill, the prompt and the command %s have one text',
  async (name) => {
    const { messages } = getPrompt({ name: name.replace('-', '_') }) as {
      messages: [{ content: { text: string } }]
    }
    // Only what a person typed after a command is told to use it.
    const text = messages[0].content.text.replace(/ If more text follows the command.*?\.$/m, '')
    const skill = await readFile(
      new URL(`integrations/skills/relay-${name}/SKILL.md`, ROOT),
      'utf8',
    )
    expect(skill.split('---\n\n')[1]?.trim()).toBe(text)
    const command = (await read(`commands/${name}.md`)).replace(
      / If more text follows the command.*?\.$/m,
      '',
    )
    expect(command).toContain(text)
  },
)

test.each<[string, string[]]>([
  ['', []],
  ['release', ['release']],
  ['release billing', ['release', 'billing']],
  ['release, billing,v1.2', ['release', 'billing', 'v1.2']],
  ['"Billing  Migration" release', ['Billing Migration', 'release']],
  ['“billing migration”, „release notes“', ['billing migration', 'release notes']],
  [
    "'billing migration' ‘release notes’ «v1 plans».",
    ['billing migration', 'release notes', 'v1 plans'],
  ],
  ["'what's new' don't-stop", ["what's new", "don't-stop"]],
  ['#release #"billing"', ['release', 'billing']],
  ['release.', ['release']],
  ['"billing migration', ['billing', 'migration']],
  ['"#1." "off"', ['#1.', 'off']],
  ['"off"', ['off']],
  ['off release', ['off', 'release']],
  ['offline', ['offline']],
  ['" " # . ,', []],
])('/relay:watch %s watches those threads', (typed, threads) => {
  expect(parseWatch(typed)).toEqual({ isOff: false, threads })
})

test.each(['off', 'Off.', 'stop', ' STOP! ', '“off'])('/relay:watch %s ends it', (typed) => {
  expect(parseWatch(typed)).toEqual({ isOff: true, threads: [] })
})
