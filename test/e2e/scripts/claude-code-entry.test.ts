/** `npm run doctor` about the relay's entry in Claude Code. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { clientChecks } from '../../../scripts/checks/clients.ts'
import { createSubject } from '../../../scripts/checks/subject.ts'
import { createTestRelay } from '../../support/relay.ts'

const [check] = clientChecks.filter(({ id }) => id === 'client.claude-code')

test('a wrong key in an entry is found, and an entry that works is not reported', async () => {
  await using relay = await createTestRelay()
  const folder = mkdtempSync(join(tmpdir(), 'relay-claude-'))
  vi.stubEnv('CLAUDE_CONFIG_DIR', folder)
  const look = async (config: unknown) => {
    const text = typeof config === 'string' ? config : JSON.stringify(config)
    writeFileSync(join(folder, '.claude.json'), text)
    return check?.look(createSubject({ url: new URL(relay.url), key: relay.key }))
  }
  const entry = (url: string, Authorization?: string) => ({
    mcpServers: {
      mine: { type: 'http', url, ...(Authorization && { headers: { Authorization } }) },
    },
  })
  const localhost = relay.url.replace('127.0.0.1', 'localhost')
  try {
    for (const config of [
      entry(`${relay.url}/mcp`, `Bearer ${relay.key}`),
      entry(`${localhost}/mcp`, `Bearer ${relay.key}`),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Claude Code replaces it.
      entry(`${relay.url}/mcp`, 'Bearer ${RELAY_KEY}'),
      entry(`${relay.url}/mcp`),
      entry('https://relay.invalid/mcp', 'Bearer wrong'),
      {},
    ]) {
      expect(await look(config), JSON.stringify(config)).toMatchObject({ outcome: 'ok' })
    }
    for (const key of ['another-key-that-is-long-enough-too', '…']) {
      const url = `${relay.url}/mcp`
      const local = { projects: { [process.cwd()]: entry(url, `Bearer ${key}`) } }
      const configs = [
        entry(url, `Bearer ${key}`),
        { ...entry(url, `Bearer ${relay.key}`), ...local },
      ]
      for (const config of configs) {
        expect(await look(config)).toMatchObject({
          outcome: 'failed',
          fix: ['claude mcp remove mine', expect.stringContaining(relay.url)],
        })
      }
    }
    expect(await look('{')).toMatchObject({ outcome: 'failed' })
  } finally {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true })
  }
})
