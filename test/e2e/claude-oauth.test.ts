/** The real Claude Code signs in with OAuth, refreshes, and copes with a refresh token that is dead. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createClaude, whyNotInstalled } from '../support/claude-client.ts'
import { say, startModel, use } from '../support/model.ts'
import { createTestRelay, type TestRelay } from '../support/relay.ts'

const title = (name: string) => (whyNotInstalled ? `${name} (skipped: ${whyNotInstalled})` : name)

/** The person at the consent page: fills in the form as the page shows it, and follows where it leads. */
async function consent(relay: TestRelay, address: string): Promise<string> {
  const page = await (await fetch(address)).text()
  expect(page).toContain('Claude Code')
  const form = new URLSearchParams()
  for (const [input] of page.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
    const attribute = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(input)?.[1] ?? ''
    form.append(attribute('name'), attribute('value').replaceAll('&amp;', '&'))
  }
  form.append('api_key', relay.key)
  const headers = { 'sec-fetch-site': 'same-origin', origin: relay.url }
  const init = { method: 'POST', body: form, headers, redirect: 'manual' } as const
  const location = (await fetch(new URL('/authorize', address), init)).headers.get('location') ?? ''
  expect(new URL(location).hostname).toBe('localhost')
  return (await fetch(location)).text()
}

test.skipIf(whyNotInstalled)(
  title(
    'it signs in on the consent page, refreshes, and without a refresh token has no relay tools',
  ),
  async () => {
    await using relay = await createTestRelay()
    await using model = await startModel()
    const servers = { relay: { type: 'http', url: `${relay.url}/mcp` } }
    using claude = await createClaude({ model, servers })

    using login = claude.inTerminal('mcp', 'login', 'relay')
    await expect
      .poll(() => claude.visited())
      .toHaveLength(1)
      .catch((e) => {
        console.log(login.printed)
        throw e
      })
    const [address = ''] = claude.visited()
    const asked = new URL(address).searchParams
    expect(asked.get('code_challenge_method')).toBe('S256')
    expect(asked.get('resource')).toBe(`${relay.url}/mcp`)
    // A metadata document instead of a registration, although the relay here cannot fetch it.
    expect(asked.get('client_id')).toBe('https://claude.ai/oauth/claude-code-client-metadata')
    await consent(relay, address)
    expect(await login.exit).toBe(0)
    expect(relay.logs.map(({ path }) => path)).not.toContain('/register')

    const post = async (content: string) => {
      model.turns.length = 0
      model.script = ({ text }, number) => {
        if (number === 1)
          return use('ToolSearch', { query: 'select:mcp__relay__relay_post_message' })
        const message = { thread_name: 'billing', surface: 'code', content }
        if (number === 2 && text.includes('mcp__relay__')) {
          return use('mcp__relay__relay_post_message', message)
        }
        return say('Done.')
      }
      await claude.ask('Go.', '--allowedTools', 'mcp__relay')
      return model.turns.at(-1)?.result ?? ''
    }
    expect(JSON.parse(await post('Signed in.'))).toMatchObject({ seq: 1 })
    const [{ via }] = (await relay.call('relay_read_thread', { thread_name: 'billing' }))
      .structuredContent.messages
    expect(via).toBe('Claude Code')

    const file = join(claude.home, '.claude', '.credentials.json')
    const change = (fields: object) => {
      const kept = JSON.parse(readFileSync(file, 'utf8'))
      const [name = ''] = Object.keys(kept.mcpOAuth)
      Object.assign(kept.mcpOAuth[name], fields)
      writeFileSync(file, JSON.stringify(kept))
      return kept.mcpOAuth[name]
    }
    const tokens = () => relay.logs.filter(({ path }) => path === '/token')

    // Expired by its own clock; then refused although it should be good.
    const before = tokens().length
    change({ expiresAt: Date.now() - 1000 })
    expect(JSON.parse(await post('Refreshed.'))).toMatchObject({ seq: 2 })
    expect(tokens()).toHaveLength(before + 1)
    change({ accessToken: 'not.a.token' })
    expect(JSON.parse(await post('Refreshed again.'))).toMatchObject({ seq: 3 })
    expect(tokens()).toHaveLength(before + 2)

    change({ accessToken: 'not.a.token', refreshToken: 'dead' })
    await post('Never sent.')
    expect(model.turns[0]?.text).not.toContain('mcp__relay__relay_post_message')
    expect(tokens().at(-1)).toMatchObject({ status: 400, error_code: 'invalid_grant' })
    const { structuredContent } = await relay.call('relay_read_thread', { thread_name: 'billing' })
    expect(structuredContent.messages).toHaveLength(3)
  },
)
