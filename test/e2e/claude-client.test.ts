/**
 * The real Claude Code with a relay that was added by hand: the instructions its model receives,
 * tools, results, errors, resources and prompts. model.ts stands in for the model, nothing for the rest.
 */
import { expect, test } from 'vitest'
import { INSTRUCTIONS } from '../../src/context/instructions.ts'
import { createClaude, whyNotInstalled } from '../support/claude-client.ts'
import { type Model, say, startModel, use } from '../support/model.ts'
import { createTestRelay, type TestRelay } from '../support/relay.ts'

const title = (name: string) => (whyNotInstalled ? `${name} (skipped: ${whyNotInstalled})` : name)

const TOOL = 'mcp__relay__relay_'

const withKey = (relay: TestRelay) => ({
  relay: {
    type: 'http',
    url: `${relay.url}/mcp`,
    headers: { Authorization: `Bearer ${relay.key}` },
  },
})

/** The tools with their schemas, as the model is sent them. */
const loaded = (model: Model, turn: number) =>
  model.turns[turn]?.body.tools.filter(({ name }: { name: string }) => name.startsWith(TOOL))

test.skipIf(whyNotInstalled)(
  title('the model is sent the instructions, the tools, lean results and whole errors'),
  async () => {
    await using relay = await createTestRelay()
    await using model = await startModel()
    using claude = await createClaude({ model, servers: withKey(relay) })
    const big = `${'Backfill. '.repeat(9000)}end of it`
    await relay.call('relay_post_message', { thread_name: 'log', surface: 'code', content: big })
    const steps = [
      use('ToolSearch', { query: `select:${TOOL}post_message,${TOOL}read_thread` }),
      use(`${TOOL}post_message`, { thread_name: 'billing', content: 'Tagged.', surface: 'code' }),
      use(`${TOOL}read_thread`, { thread_name: 'bil' }),
      use(`${TOOL}read_thread`, { thread_name: 'log', seq: 1 }),
      use(`${TOOL}check_new`, { reader_tag: 'laptop', limit: 'many' }),
    ]
    model.script = (_, number) => steps[number - 1] ?? say('Ready.')
    expect(await claude.ask('Go.', '--allowedTools', 'mcp__relay')).toBe('Ready.')
    expect(model.turns).toHaveLength(steps.length + 1)

    // At the start: the instructions, whole, the names of the tools, and one tool with its schema.
    const [first, , posted, missing, whole, refused] = model.turns
    expect(first?.text).toContain(INSTRUCTIONS)
    for (const name of ['list_threads', 'create_thread', 'post_message', 'archive_thread']) {
      expect(first?.text).toContain(`${TOOL}${name}`)
    }
    const [check, ...others] = loaded(model, 0)
    expect(check.name).toBe(`${TOOL}check_new`)
    expect(check.description.length).toBeGreaterThan(200)
    expect(Object.keys(check.input_schema.properties)).toContain('wait_seconds')
    expect(others.filter((tool: { defer_loading?: boolean }) => !tool.defer_loading)).toEqual([])

    // A result is its structured content and nothing else: no second copy, no ids, no nulls.
    const answer = JSON.parse(posted?.result ?? '')
    expect(answer).toMatchObject({ thread_name: 'billing', seq: 1, thread_created: true })
    expect(answer.note).toContain('Posted without a reader_tag')
    expect(answer).not.toHaveProperty('id')
    expect(Object.values(answer)).not.toContain(null)

    expect(missing?.result).toContain('thread "bil" not found')
    expect(missing?.result).not.toContain('{')
    // Longer than the 50,000 characters after which Claude Code puts a result into a file.
    expect(JSON.parse(whole?.result ?? '').messages[0].content).toBe(big)
    expect(refused?.result).toMatch(/limit must be/)
  },
)

test.skipIf(whyNotInstalled)(
  title('without permission no relay tool runs in -p, and with a wrong key there are none'),
  async () => {
    await using relay = await createTestRelay()
    await using model = await startModel()
    using claude = await createClaude({ model, servers: withKey(relay) })
    model.script = (_, number) =>
      number === 1 ? use(`${TOOL}check_new`, { reader_tag: 'laptop' }) : say('Denied.')
    await claude.ask('Go.', '--permission-mode', 'default')
    expect(model.turns[1]?.latest).toMatch(/permission|denied/i)
    expect(relay.logs.filter(({ tool }) => tool)).toEqual([])

    const servers = withKey(relay)
    servers.relay.headers.Authorization = `Bearer ${'x'.repeat(43)}`
    await using other = await startModel()
    using stranger = await createClaude({ model: other, servers })
    await stranger.ask('Go.')
    expect(other.turns[0]?.text).not.toContain(TOOL)
    expect(loaded(other, 0)).toEqual([])
  },
)

test.skipIf(whyNotInstalled)(
  title('a person attaches a thread with @ and uses prompts with and without arguments'),
  async () => {
    await using relay = await createTestRelay()
    await using model = await startModel((_, number) => say(`Answer${number}.`))
    await relay.call('relay_post_message', {
      thread_name: 'billing',
      surface: 'chat',
      content: 'Backfill is done.',
    })
    using claude = await createClaude({ model, servers: withKey(relay) })
    using session = claude.open()
    const ask = async (line: string) => {
      const before = model.turns.length
      await session.types(line)
      await expect.poll(() => model.turns.length).toBe(before + 1)
      await session.sees(`Answer${before + 1}.`)
      return model.turns[before]?.latest ?? ''
    }
    await session.sees('❯')
    // It offers the prompts of the relay, but only to a word that is typed after that.
    let isTyped = false
    const offers = () => {
      if (isTyped) session.clears()
      else session.write('@relay:')
      isTyped = !isTyped
      return session.printed
    }
    await expect.poll(offers, { interval: 300 }).toContain('relay://threads/billing')
    session.clears()

    const attached = await ask('What is in @relay:relay://threads/billing now?')
    expect(attached).toContain('Backfill is done.')
    expect(attached.split('Backfill is done.')).toHaveLength(2)

    expect(await ask('/mcp__relay__catch_up')).toContain('no thread_name, for all threads')
    const caught = await ask('/mcp__relay__catch_up billing laptop-code')
    expect(caught).toContain('reader_tag "laptop-code" and thread_name "billing"')
    expect(await ask('/mcp__relay__hand_off')).toContain('the thread of its topic')
    const handed = await ask('/mcp__relay__hand_off billing the open questions')
    expect(handed).toContain('to the thread "billing"')
    // One word for each argument; the rest of the line reaches the model as well.
    expect(handed).toContain('Above all it must cover: "the"')
    expect(handed).toContain('billing the open questions')
    expect(session.printed).not.toMatch(/Error|failed/)
  },
)
