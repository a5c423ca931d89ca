/** Bodies and forms that are too large, too slow or too many: refused early, and with an answer. */
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { createOAuthClient, send as sendForm } from '../../support/oauth.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { send } from './raw.ts'

const FORM = 'application/x-www-form-urlencoded'
const JSON_TYPE = 'application/json'

const ENDPOINTS: [string, string, number][] = [
  ['/mcp', JSON_TYPE, 2_000_000],
  ['/token', FORM, 16_384],
  ['/authorize', FORM, 16_384],
  ['/register', JSON_TYPE, 16_384],
]

test.each(ENDPOINTS)(
  '%s judges a declared length before anything of the body arrives',
  async (...row) => {
    const [path, type, limit] = row
    await using relay = await createTestRelay()
    const headers = { 'content-type': type, 'content-length': `${limit + 1}` }
    const answer = await send(relay, { path, headers })
    expect(answer.status).toBe(413)
  },
)

test('a caller without a key is refused before anything of the body arrives', async () => {
  await using relay = await createTestRelay()
  for (const path of ['/mcp', '/']) {
    const headers = { authorization: undefined, 'content-length': '1000' }
    expect((await send(relay, { path, headers })).status).toBe(401)
  }
})

test('a body that does not arrive within ten seconds is abandoned', async () => {
  await using relay = await createTestRelay()
  const answers = ENDPOINTS.map(([path, type]) => {
    const headers = { 'content-type': type, 'content-length': '100' }
    return send(relay, { path, headers, body: '{"half":' })
  })
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  expect(statuses).toEqual([408, 408, 408, 408])
})

/** Sends a head and then the whole body before it reads anything. */
function writeThenRead(relay: TestRelay, head: string, body: Buffer): Promise<string> {
  const { hostname, port, host } = new URL(relay.url)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) })
    let text = ''
    socket.pause()
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
    socket.write(`${head}\r\nhost: ${host}\r\ncontent-length: ${body.byteLength}\r\n\r\n`)
    socket.write(body, () => {
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.resume()
      socket.end()
    })
  })
}

test('a client that writes all of a refused upload before it reads still gets the answer', async () => {
  await using relay = await createTestRelay()
  const body = Buffer.alloc(10_000_000, 'x')
  const refused = await writeThenRead(relay, 'POST /mcp HTTP/1.1', body)
  expect(refused).toMatch(/^HTTP\/1\.1 401 /)
  const key = `POST /mcp HTTP/1.1\r\ncontent-type: ${JSON_TYPE}\r\nauthorization: Bearer ${relay.key}`
  expect(await writeThenRead(relay, key, body)).toMatch(/^HTTP\/1\.1 413 /)
  const form = `POST /token HTTP/1.1\r\ncontent-type: ${FORM}`
  expect(await writeThenRead(relay, form, body)).toMatch(/^HTTP\/1\.1 413 /)
})

const others = (count: number) => Array.from({ length: count }, (_, n) => `p${n}=x`).join('&')

test('the token endpoint reads 50 parameters, and no form with more', async () => {
  await using relay = await createTestRelay()
  const headers = { 'content-type': FORM }
  const post = (body: string) => sendForm(relay, '/token', { method: 'POST', headers, body })
  expect(await post(others(50))).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  expect(await post(others(51))).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  expect(await post('&'.repeat(10_000))).toMatchObject({ body: { error: 'invalid_request' } })
  expect(await post(`a=${'x'.repeat(16_383)}`)).toMatchObject({ status: 413 })
})

test('the authorization endpoint reads 50 parameters, by GET and by POST', async () => {
  await using relay = await createTestRelay()
  const client = await createOAuthClient(relay)
  // The client sends 8 parameters by GET and 8 by POST.
  const more = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`p${n}`, 'x']))
  expect((await client.ask(more(42))).status).toBe(200)
  expect((await client.ask(more(43))).status).toBe(400)
  expect((await client.decide(more(42))).status).toBe(302)
  const refused = await client.decide(more(43))
  expect([refused.status, refused.headers.get('location')]).toEqual([400, null])
  expect((await client.ask({ x: 'x'.repeat(16_384) })).status).toBe(400)
})
