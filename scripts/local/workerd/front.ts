/**
 * The port that clients connect to. Forwards bytes to workerd, and does four things that workerd does
 * not. First, it opens the port at the very start: a busy port is noticed before anything else runs, an
 * orphaned workerd never keeps it, and connections wait while workerd restarts. Second, it resets the
 * connection to workerd when a client disconnects: workerd aborts `request.signal` on a reset but not
 * on an ordinary close, unlike Cloudflare's edge. Third, it refuses CONNECT, which workerd would answer
 * with 500 and a stack trace. Fourth, it closes connections on which nothing is asked.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { UserError } from '../../lib/user-error.ts'

export interface Front {
  port: number
  /** Forwards connections to this port. Until the first call, and after `hold`, they wait. */
  forwardTo(port: number): void
  /** Makes new connections wait for the next `forwardTo`. */
  hold(): void
  close(): void
}

/** As long as workerd waits for the headers of a request. */
const PATIENCE_MS = 15_000

/**
 * Listens on 127.0.0.1 and, if it exists, on ::1, because `localhost` may mean either. `patience` is how
 * many ms a client may take to begin its first request.
 */
export async function openFront(port: number, patience = PATIENCE_MS): Promise<Front> {
  let target = Promise.withResolvers<number>()
  let isHeld = true
  const sockets = new Set<Socket>()
  const accept = (client: Socket) => {
    sockets.add(client.on('close', () => sockets.delete(client)))
    splice(client, target.promise, patience)
  }
  const first = await listen(port, '127.0.0.1', accept)
  const servers = [first]
  const close = () => {
    for (const server of servers) server.close()
    for (const socket of sockets) socket.destroy()
  }
  try {
    if (port !== 0 && hasIpv6Loopback()) servers.push(await listen(port, '::1', accept))
  } catch (error) {
    close()
    throw error
  }
  return {
    port: (first.address() as AddressInfo).port,
    forwardTo(port) {
      target.resolve(port)
      isHeld = false
      // An earlier promise may be settled with another port.
      target = Promise.withResolvers<number>()
      target.resolve(port)
    },
    hold() {
      // Connections already wait for this promise, and another would leave them waiting.
      if (isHeld) return
      isHeld = true
      target = Promise.withResolvers<number>()
    },
    close,
  }
}

async function listen(
  port: number,
  host: string,
  accept: (client: Socket) => void,
): Promise<Server> {
  // Half-open. Otherwise Node would answer a client's close before we have seen it.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept)
  server.listen({ port, host })
  try {
    await once(server, 'listening')
    return server
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') {
      throw new UserError(
        `Port ${port} is in use on ${host}: stop the program that uses it, or choose another port with ` +
          '--port or PORT.',
      )
    }
    throw new UserError(`Port ${port} on ${host} cannot be opened: ${message}.`)
  }
}

function hasIpv6Loopback(): boolean {
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === '::1'),
  )
}

const REFUSED = `HTTP/1.1 405 Method Not Allowed\r
allow: GET, POST, OPTIONS\r
content-length: 0\r
connection: close\r
\r
`

/** The longest beginning that is looked at; a line break before the request line is allowed. */
const MAX_BEGINNING = 64
const CONNECT = 'CONNECT '

function splice(client: Socket, target: Promise<number>, patience: number): void {
  const leave = () => client.destroy()
  const timer = setTimeout(leave, patience)
  let read = Buffer.alloc(0)
  // Only the first bytes of a connection are certain to be a request line.
  const take = (chunk: Buffer) => {
    read = Buffer.concat([read, chunk])
    const line = read.toString('latin1', 0, MAX_BEGINNING).trimStart()
    const mayBecome = line.length < CONNECT.length && CONNECT.startsWith(line)
    if (mayBecome && read.length < MAX_BEGINNING) return
    clearTimeout(timer)
    client.off('data', take).off('end', leave)
    if (line.startsWith(CONNECT)) client.end(REFUSED)
    else forward(client, read, target).catch(leave)
  }
  client
    .on('error', () => {})
    .once('end', leave)
    .once('close', () => clearTimeout(timer))
    .on('data', take)
}

/** How much, and for how long, a client may still send after its answer. */
const LINGER_BYTES = 64_000_000
const LINGER_MS = 10_000

/**
 * Closes a connection that workerd has closed. workerd refuses a body without reading all of it. If the
 * socket were closed while the client is still sending, TCP would reset it and the answer would be lost.
 * Therefore only our side is closed, and remaining data is read and dropped.
 */
function linger(client: Socket): void {
  let bytes = 0
  const cut = () => client.destroy()
  const timer = setTimeout(cut, LINGER_MS).unref()
  client
    .unpipe()
    .on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength
      if (bytes > LINGER_BYTES) cut()
    })
    .on('end', cut)
    .on('close', () => clearTimeout(timer))
    .resume()
    .end()
}

async function forward(client: Socket, first: Buffer, target: Promise<number>): Promise<void> {
  client.pause()
  const port = await target
  if (client.destroyed) return
  const worker = connect({ port, host: '127.0.0.1', noDelay: true })
  worker.on('error', () => {}).on('close', () => linger(client))
  const leave = () => worker.resetAndDestroy()
  client.on('end', leave).on('close', leave)
  worker.write(first)
  client.pipe(worker, { end: false })
  worker.pipe(client)
}
