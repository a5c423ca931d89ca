/** The port that clients connect to: the requests that it forwards, and those it refuses. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { openFront } from '../../../scripts/local/workerd/front.ts'
import { createTestRelay } from '../../support/relay.ts'

/** Sends bytes and gives everything that comes back until the other side closes. */
async function exchange(url: string, bytes: string): Promise<string> {
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write(bytes)
  return text(socket)
}

const connectTo = (host: string) => `CONNECT ${host}:443 HTTP/1.1\r\nhost: ${host}:443\r\n\r\n`

test('CONNECT is 405, and nothing of it is in the log', async () => {
  await using relay = await createTestRelay()
  const answer = await exchange(relay.url, connectTo('example.com'))
  expect(answer).toMatch(/^HTTP\/1\.1 405 /)
  await relay.fetch('/health')
  await relay.log(({ path }) => path === '/health')
  expect(relay.logs).toHaveLength(1)
})

test('CONNECT is 405 in however many pieces it arrives, and after an empty line', async () => {
  await using relay = await createTestRelay()
  for (const pieces of [
    ['C', connectTo('example.com').slice(1)],
    ['CONN', 'ECT', connectTo('example.com').slice(7)],
    ['\r\n', connectTo('example.com')],
  ]) {
    const socket = connect(Number(new URL(relay.url).port), '127.0.0.1').setNoDelay()
    const answer = text(socket)
    for (const piece of pieces) {
      await new Promise((written) => socket.write(piece, written))
      // The next piece must not be read together with this one.
      await relay.fetch('/health')
    }
    expect(await answer).toMatch(/^HTTP\/1\.1 405 /)
  }
  expect(relay.logs.map(String).join('\n')).not.toMatch(/connect/i)
})

test('a request in pieces is answered, with the date', async () => {
  await using relay = await createTestRelay()
  const socket = connect(Number(new URL(relay.url).port), '127.0.0.1').setNoDelay()
  const answer = text(socket)
  for (const piece of [
    'G',
    'ET /heal',
    'th HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
  ]) {
    await new Promise((written) => socket.write(piece, written))
    await relay.fetch('/health')
  }
  const [, date = ''] = /^date: (.*)\r$/im.exec(await answer) ?? []
  expect(Math.abs(Date.parse(date) - Date.now())).toBeLessThan(60_000)
})

test('a connection on which nothing is asked is closed', async () => {
  using server = await startServer('served')
  const front = await openFront(0, 300)
  front.forwardTo(server.port)
  const silent = connect(front.port, '127.0.0.1')
  const slow = connect(front.port, '127.0.0.1')
  slow.write('CONN')
  const asking = connect(front.port, '127.0.0.1')
  asking.write('GET / HTTP/1.1\r\n')
  expect(String((await once(asking, 'data'))[0])).toBe('served')
  await Promise.all([once(silent.resume(), 'close'), once(slow.resume(), 'close')])
  asking.write('more')
  expect(String((await once(asking, 'data'))[0])).toBe('served')
  asking.destroy()
  front.close()
})

test('a CONNECT behind another request prints no source file and no trace', async () => {
  await using relay = await createTestRelay()
  const first = 'GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n'
  await exchange(relay.url, first + connectTo('example.com'))
  await relay.log((line) => /connect/.test(String(line)))
  expect(relay.logs.map(String).join('\n')).not.toMatch(/\.c\+\+|\.rs:|stack|@0x/)
})

/** A server that says its name to everyone who says something. */
async function startServer(name: string) {
  const server = createServer((socket) => {
    socket.on('error', () => {}).on('data', () => socket.write(name))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => server.close() }
}

test('connections wait while there is nothing to connect to, and are then served', async () => {
  using first = await startServer('first')
  using second = await startServer('second')
  const front = await openFront(0)
  const early = connect(front.port, '127.0.0.1')
  early.write('hello')
  front.forwardTo(first.port)
  expect(String((await once(early, 'data'))[0])).toBe('first')

  front.hold()
  const late = connect(front.port, '127.0.0.1')
  late.write('hello')
  await once(late, 'connect')
  // The keys of the relay changed, so it is held once for that and once for the restart that follows.
  front.hold()
  const later = connect(front.port, '127.0.0.1')
  later.write('hello')
  await once(later, 'connect')
  front.forwardTo(second.port)
  for (const socket of [late, later]) {
    expect(String((await once(socket, 'data'))[0])).toBe('second')
  }
  for (const socket of [early, late, later]) socket.destroy()
  front.close()
})
