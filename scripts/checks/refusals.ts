/** Checks the requests that the relay must refuse, and how. Its one wrong key counts towards the limit on guesses. */
import { type Check, expectThat, ok } from './check.ts'

const refusals: Check = {
  id: 'refusals',
  needs: ['key', 'endpoint'],
  writes: true,
  why: 'Clients and scanners send these, and the status decides their next step.',
  async look({ relay }) {
    const unknown = await relay.fetch('/.well-known/openid-configuration')
    expectThat(unknown.status === 404, '404 for an unknown path', unknown.status)
    const wrong = await relay.legacy('tools/list', {}, { authorization: 'Bearer wrong' })
    expectThat(wrong.status === 401 || wrong.status === 429, '401 for a wrong key', wrong.status)
    expectThat(!('result' in wrong.body), 'no result for a wrong key', wrong.body)
    const foreign = await relay.legacy('ping', {}, { origin: 'https://foreign.example' })
    expectThat(foreign.status === 403, '403 for a foreign origin', foreign.status)
    const get = await relay.fetch('/mcp')
    expectThat(get.status === 401, '401 for GET without a key', get.status)
    const text = await relay.legacy('ping', {}, { 'content-type': 'text/plain' })
    expectThat(text.status === 415, '415 for text/plain', text.status)
    const broken = await relay.post('{"jsonrpc":')
    const code = broken.body?.error?.code
    expectThat(broken.status === 400 && code === -32700, '400 and -32700 for broken JSON', code)
    const missing = await relay.legacy('no/such/method')
    const { status } = missing
    const isKnown = status === 200 && missing.body.error?.code === -32601
    expectThat(isKnown, '-32601 for an unknown method', missing.body)
    const modern = await relay.modern('no/such/method')
    expectThat(modern.status === 404, '404 for an unknown method of 2026-07-28', modern.status)
    const noted = await relay.post({ jsonrpc: '2.0', method: 'notifications/initialized' })
    expectThat(noted.status === 202, '202 for a notification', noted.status)
    const tool = await relay.legacy('tools/call', { name: 'relay_delete_everything' })
    expectThat(tool.body.error?.code === -32602, '-32602 for an unknown tool', tool.body)
    return ok('all refused')
  },
}

export const refusalChecks = [refusals]
