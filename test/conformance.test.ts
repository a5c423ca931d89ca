/**
 * The official conformance suite against the real server. What it may fail is in conformance/, each
 * line with its reason; an entry that passes fails the run too.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startAuthProxy } from './support/auth-proxy.ts'
import { createTestRelay } from './support/relay.ts'

const CLI = 'node_modules/@modelcontextprotocol/conformance/dist/index.js'

const run = promisify(execFile)

/** Runs the suite with these options; returns what it printed. Throws when it failed. */
async function conformance(...options: string[]): Promise<string> {
  await using relay = await createTestRelay()
  await using proxy = await startAuthProxy(relay.url, relay.key)
  const results = await mkdtemp(join(tmpdir(), 'relay-conformance-'))
  try {
    const { stdout } = await run(
      process.execPath,
      [CLI, 'server', '--url', `${proxy.url}/mcp`, '-o', results, ...options],
      { maxBuffer: 1e8 },
    )
    return stdout
  } catch (error) {
    throw new Error((error as { stdout?: string }).stdout ?? String(error))
  } finally {
    await rm(results, { recursive: true })
  }
}

test.each(['2026-07-28', '2025-11-25'])(
  'what %s requires is met, but for the baseline',
  async (revision) => {
    const baseline = `conformance/${revision}.yml`
    const output = await conformance('--requirements', revision, '--expected-failures', baseline)
    expect(output).toContain('Baseline check passed')
  },
  120_000,
)

test.each([
  ['http-header-validation', '2026-07-28'],
  ['server-initialize', '2025-06-18'],
  ['ping', '2025-06-18'],
  ['tools-list', '2025-06-18'],
])('scenario %s of %s passes', async (scenario, version) => {
  const output = await conformance('--scenario', scenario, '--spec-version', version)
  expect(output).not.toMatch(/SKIPPED/i)
})
