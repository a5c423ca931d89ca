/**
 * The plugin in the real Claude Code: the text its model receives at the start, with a command, with a prompt
 * and while idle, the text it must not receive, and that nothing is left when a session ends.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createClaude, whyNotInstalled } from '../support/claude-client.ts'
import { say, startModel, use } from '../support/model.ts'
import { createTestRelay, type TestRelay } from '../support/relay.ts'

const title = (name: string) => (whyNotInstalled ? `${name} (skipped: ${whyNotInstalled})` : name)

const TOOL = 'mcp__plugin_relay_relay__relay_'
/** The reader in the project folder of createClaude(). */
const READER = `${hostname().split('.')[0]}:~/billing`

type Content = { content: unknown }

const post = (relay: TestRelay, thread_name: string, content: string, fields: object = {}) =>
  relay.call('relay_post_message', { thread_name, surface: 'chat', content, ...fields })

const files = (home: string) =>
  readdirSync(join(home, '.claude/plugins/data/relay-relay-mcp'), { withFileTypes: true }).map(
    ({ name }) => name,
  )

test.skipIf(whyNotInstalled)(
  title('the plugin is valid, and nothing is warned about'),
  async () => {
    await using model = await startModel()
    using claude = await createClaude({ model })
    const validate = async (folder: string) =>
      (await claude.command('plugin', 'validate', '--strict', folder)).stdout
    expect(await validate(process.cwd())).not.toMatch(/⚠|✘/)

    const copy = join(claude.home, 'plugin')
    cpSync('integrations/claude-code', copy, { recursive: true })
    // Only the address of the statement is missing, which the person knows who publishes a copy.
    expect((await validate(copy)).match(/\([A-Z]+(_[A-Z]+)+\)/g)).toEqual(['(PRIVACY_URL_MISSING)'])
    const manifest = join(copy, '.claude-plugin/plugin.json')
    const fields = JSON.parse(readFileSync(manifest, 'utf8'))
    const privacyPolicyUrl = 'https://relay.example.com/PRIVACY.md'
    writeFileSync(manifest, JSON.stringify({ ...fields, privacyPolicyUrl }))
    const said = await validate(copy)
    expect(said).toContain('relay:watch')
    expect(said).toContain('Validation passed')
    expect(said).not.toMatch(/⚠|✘/)
  },
)

test.skipIf(whyNotInstalled)(
  title('in -p the start, the digest and both commands work without any allow rule'),
  async () => {
    await using relay = await createTestRelay()
    await using model = await startModel()
    using claude = await createClaude({ model, plugin: relay })
    await post(relay, 'billing', 'Backfill is done.')

    const check = { reader_tag: READER }
    model.script = (_, number) =>
      number === 1 ? use(`${TOOL}check_new`, check) : say('Caught up.')
    expect(await claude.ask('/relay:catch-up')).toBe('Caught up.')
    const [first, second] = model.turns
    expect(first?.text).toContain(`Relay: reader_tag "${READER}" is new here`)
    expect(first?.latest).toContain(`Relay: the reader_tag of this session is "${READER}".`)
    expect(first?.latest).toContain('Catch up with the relay')
    expect(JSON.parse(second?.result ?? '').messages[0].content).toBe('Backfill is done.')

    model.turns.length = 0
    const handOff = { thread_name: 'billing', surface: 'code', content: 'Next: tag.', to: READER }
    const steps = [
      use('ToolSearch', { query: `select:${TOOL}post_message` }),
      use(`${TOOL}post_message`, { ...handOff, reader_tag: READER }),
    ]
    model.script = (_, number) => steps[number - 1] ?? say('Handed over.')
    expect(await claude.ask('/relay:hand-off billing the tag')).toBe('Handed over.')
    expect(model.turns[0]?.latest).toContain(
      'The person typed this after the command: "billing the tag"',
    )
    expect(JSON.parse(model.turns[2]?.result ?? '')).toMatchObject({
      thread_name: 'billing',
      seq: 2,
    })

    // A plain prompt allows nothing, and nothing new means that nothing is said.
    model.turns.length = 0
    await relay.call('relay_check_new', check)
    model.script = (_, number) => (number === 1 ? use(`${TOOL}check_new`, check) : say('Denied.'))
    await claude.ask('Hello.')
    expect(model.turns[0]?.text).not.toContain('UserPromptSubmit hook')
    expect(model.turns[1]?.latest).toMatch(/permission|denied/i)
    expect(files(claude.home)).toEqual([])

    // There are no monitors here, and the key that was left for one is gone with the session.
    await claude.ask('/relay:watch')
    expect(files(claude.home)).toEqual([])
    expect(claude.processes()).toEqual([])
    expect(model.turns.map(({ text }) => text).join()).not.toContain(relay.key)
  },
)

test.skipIf(whyNotInstalled)(
  title('a post wakes an idle session, reaches a busy one, and neither leaves anything behind'),
  async () => {
    await using relay = await createTestRelay()
    await using model = await startModel()
    const allow = ['mcp__plugin_relay_relay', 'Bash(cat:*)']
    using claude = await createClaude({ model, plugin: relay, allow })
    // A reader waits until something is written to it.
    const pipe = join(claude.project, 'pipe')
    execFileSync('mkfifo', [pipe])
    await post(relay, 'billing', 'Welcome.')
    await relay.call('relay_check_new', { reader_tag: READER })

    const isBusyOne = (text: string) => text.includes('also "release"')
    model.script = ({ latest, result, text }, number) => {
      const isWoken = latest.includes('<event>')
      if (isBusyOne(text)) {
        if (latest.includes('Work.')) return use('Bash', { command: 'cat pipe' })
        return say(isWoken ? 'Heard.' : `Answer${number}.`)
      }
      if (isWoken) return use(`${TOOL}check_new`, { reader_tag: READER })
      if (result) return say(`News: ${JSON.parse(result).messages[0].content}`)
      return say(`Answer${number}.`)
    }
    const findTurn = (has: RegExp, isBusy: boolean) =>
      model.turns.find(({ latest, text }) => has.test(latest) && isBusyOne(text) === isBusy)

    using session = claude.open()
    await session.sees('❯')
    await session.types('/relay:watch')
    await session.sees('Answer1.')
    using busy = claude.open()
    await busy.sees('❯')
    await busy.types('/relay:watch release')
    await busy.sees('Answer2.')
    expect(model.turns[0]?.latest).toContain(`Relay: watching for reader_tag "${READER}".`)
    expect(model.turns[1]?.latest).toContain(`for reader_tag "${READER}", also "release".`)
    const asked = () => relay.logs.filter(({ client }) => client === 'relay-watch')
    await expect.poll(() => asked().length).toBeGreaterThanOrEqual(2)
    // The key that was left for the monitors is gone.
    expect(files(claude.home).filter((name) => !name.startsWith('told-'))).toEqual([])
    const watchers = () => claude.processes().filter((each) => each.includes('watcher.mjs'))
    expect(watchers()).toHaveLength(2)

    // One is idle and the other runs a tool when another client posts.
    await busy.types('Work.')
    await expect.poll(() => model.turns.length).toBe(3)
    await post(relay, 'billing', 'The phone says: go.', { reader_tag: 'phone', to: READER })
    await session.sees('News:')
    await writeFile(pipe, '')
    const woken = findTurn(/<event>/, false)
    expect(woken?.latest).toContain('NOT USER INPUT')
    expect(woken?.latest).toContain(
      `<event>Relay: 1 new message for reader_tag "${READER}", 1 addressed to it, in "billing" 1. `,
    )
    expect(woken?.latest).not.toContain('The phone says')
    expect(findTurn(/"messages"/, false)?.result).toContain('The phone says: go.')
    await busy.sees('Heard.')
    const interrupted = findTurn(/<event>/, true)
    // With the result of the tool, not before and not instead of it.
    expect(interrupted?.body.messages.flatMap(({ content }: Content) => content)).toContainEqual(
      expect.objectContaining({ type: 'tool_result' }),
    )

    busy.kill()
    await expect.poll(() => watchers().length).toBe(1)
    expect(claude.processes().filter((each) => each.includes('watch.mjs'))).toHaveLength(2)

    // With the next prompt comes one line, once.
    await post(relay, 'release', 'Tagged.')
    const [kept = ''] = files(claude.home).filter((name) => name.includes(sessionOf(woken)))
    const path = join(claude.home, '.claude/plugins/data/relay-relay-mcp', kept)
    const allowLook = () => {
      const state = JSON.parse(readFileSync(path, 'utf8'))
      writeFileSync(path, JSON.stringify({ ...state, askedAt: 0 }))
    }
    for (const [prompt, told] of [
      ['Anything?', true],
      ['And now?', false],
    ] as const) {
      allowLook()
      const before = model.turns.length
      await session.types(prompt)
      await session.sees(`Answer${before + 1}.`)
      expect(model.turns[before]?.latest.includes('Relay: 1 new message')).toBe(told)
      expect(model.turns[before]?.latest).not.toContain('Tagged.')
    }

    // After /clear the session has another id; the monitor is the same, and takes the news.
    await session.types('/clear')
    await session.types('/relay:watch release')
    const last = model.turns.length + 1
    await session.sees(`Answer${last}.`)
    await expect
      .poll(() => files(claude.home).filter((name) => !name.startsWith('told-')))
      .toEqual([])
    expect(watchers()).toHaveLength(1)

    await session.types('/exit')
    expect(await session.exit).toBe(0)
    await expect.poll(() => claude.processes()).toEqual([])
    expect(files(claude.home).filter((name) => !name.startsWith('told-'))).toEqual([])
  },
)

/** The id of a session, which the client sends with each request. */
function sessionOf(turn: { body: { metadata?: { user_id?: string } } } | undefined): string {
  return (
    /[\da-f]{8}-[\da-f-]{27}(?![\s\S]*[\da-f]{8}-)/.exec(turn?.body.metadata?.user_id ?? '')?.[0] ??
    ''
  )
}
