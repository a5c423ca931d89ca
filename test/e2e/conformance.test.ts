/**
 * The official conformance suite against the real server. What it may fail is in conformance/, each
 * line with its reason; an entry that passes fails the run too.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startAuthProxy } from '../support/proxy.ts'
import { createTestRelay } from '../support/relay.ts'

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
  'the requirements of %s are met, except for the baseline',
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
  ['resources-list', '2025-06-18'],
  ['prompts-list', '2025-06-18'],
  ['caching', '2026-07-28'],
  ['sep-2164-resource-not-found', '2026-07-28'],
])('scenario %s of %s passes', async (scenario, version) => {
  const output = await conformance('--scenario', scenario, '--spec-version', version)
  expect(output).not.toMatch(/SKIPPED/i)
})

test('the authorization server passes, with a person at its page', async () => {
  await using relay = await createTestRelay()
  const port = await freePort()
  const registration = await relay.fetch('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: [`http://127.0.0.1:${port}/callback`] }),
  })
  const { client_id } = (await registration.json()) as { client_id: string }
  const suite = spawn(process.execPath, [
    CLI,
    'authorization',
    ...['--url', relay.url, '--client-id', client_id],
    ...['--resource', `${relay.url}/mcp`, '--port', `${port}`],
  ])
  let output = ''
  let isDriven = false
  for await (const chunk of suite.stdout) {
    output += chunk
    const [page] = /http:\S+\/authorize\?\S+/.exec(output) ?? []
    if (isDriven || !page || !output.includes('Callback server started')) continue
    isDriven = true
    const form = new URLSearchParams([...new URL(page).searchParams, ['api_key', relay.key]])
    await fetch(`${relay.url}/authorize`, { method: 'POST', body: form })
  }
  expect(output).toMatch(/authorization-code-grant: [1-9]\d* passed, 0 failed/)
  expect(output).toMatch(/authorization-server-metadata-endpoint: [1-9]\d* passed, 0 failed/)
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

test.each(['sep-2640-skills-enumeration', 'sep-2640-skills-manifest'])(
  'scenario %s of the Skills extension passes',
  async (scenario) => {
    // Scenarios of extensions belong to no revision.
    const output = await conformance(
      '--scenario',
      scenario,
      '--spec-version',
      '2026-07-28',
      '--force',
    )
    expect(output).toMatch(/Passed: \d+\/\d+, 0 failed/)
  },
)
