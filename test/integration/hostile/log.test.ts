/** Secrets that a caller or the database puts where the log would repeat them are masked there. */
import { expect, test } from 'vitest'
import { startFaults } from '../../support/faults.ts'
import { createOAuthClient, sendAs } from '../../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

const PREVIOUS = 'the-previous-key-of-32-characters-or-more'

/** The log once it has `lines` lines, as text. */
async function written(relay: TestRelay, lines: number): Promise<string> {
  await expect.poll(() => relay.logs.length).toBeGreaterThanOrEqual(lines)
  return JSON.stringify(relay.logs)
}

const call = (method: string, name: string) => ({
  jsonrpc: '2.0',
  id: 1,
  method,
  params: { clientInfo: { name, version: '1' }, protocolVersion: '2025-11-25' },
})

test('the service key and the keys of the relay are masked in the database’s messages', async () => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({
    faults,
    bindings: { RELAY_API_KEY_PREVIOUS: PREVIOUS },
  })
  const message = `no: ${relay.serviceKey} ${relay.key} ${PREVIOUS}`
  await faults.always({ status: 500, body: JSON.stringify({ code: 'XX000', message }) })
  const result = await relay.call('relay_list_threads')
  const log = await written(relay, 1)
  expect(log).toContain('no: [key] [key] [key]')
  for (const secret of [relay.serviceKey, relay.key, PREVIOUS]) {
    expect(log).not.toContain(secret)
    expect(JSON.stringify(result)).not.toContain(secret)
  }
})

test('keys and tokens are masked in a caller’s names', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_API_KEY_PREVIOUS: PREVIOUS } })
  const { access_token, refresh_token } = await (await createOAuthClient(relay)).connect()
  const secrets = [relay.serviceKey, relay.key, PREVIOUS, access_token, refresh_token]
  const before = relay.logs.length
  for (const secret of secrets) {
    await relay.rpc(call(secret, 'x'))
    await relay.rpc(call('initialize', secret))
    await relay.rpc(call('ping', 'x'), { 'user-agent': secret })
    await sendAs('a b', relay, '/mcp', { headers: { 'user-agent': secret } })
    await sendAs('evil.example', relay, `/mcp/${secret}`, { headers: { 'user-agent': secret } })
  }
  const log = await written(relay, before + 5 * secrets.length)
  expect(log).toContain('[key]')
  expect(log).toContain('[token]')
  for (const secret of secrets) expect(log).not.toContain(secret.slice(0, 60))
})
