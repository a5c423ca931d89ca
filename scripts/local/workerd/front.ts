/**
 * The port that clients connect to. It passes bytes on to workerd, and does two things workerd
 * does not: it holds the port from the first moment of a start, so that a busy port is known
 * before anything else runs and an orphaned workerd never keeps it; and it tells workerd of a
 * client that has gone. workerd aborts `request.signal` on a reset but not on an ordinary close,
 * which Cloudflare's edge does see.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { UserError } from '../../lib/user-error.ts'

export interface Front {
  port: number
  /** Where connections go; until this is called they wait. */
  forwardTo(port: number): void
  close(): void
}

/** Listens on 127.0.0.1 and, where there is one, on ::1, which `localhost` may also mean. */
export async function openFront(port: number): Promise<Front> {
  const target = Promise.withResolvers<number>()
  const sockets = new Set<Socket>()
  const accept = (client: Socket) => {
    sockets.add(client.on('close', () => sockets.delete(client)))
    splice(client, target.promise)
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
  return { port: (first.address() as AddressInfo).port, forwardTo: target.resolve, close }
}

async function listen(
  port: number,
  host: string,
  accept: (client: Socket) => void,
): Promise<Server> {
  // Half-open, or Node would answer a client's close with our own before we have seen it.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept)
  server.listen({ port, host })
  try {
    await once(server, 'listening')
    return server
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') {
      throw new UserError(`Port ${port} is in use on ${host}: stop what uses it, or set PORT.`)
    }
    if (code === 'EACCES') {
      throw new UserError(`Port ${port} needs more rights than this account has: set PORT.`)
    }
    throw new UserError(`Port ${port} on ${host} can't be opened: ${message}.`)
  }
}

function hasIpv6Loopback(): boolean {
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === '::1'),
  )
}

async function splice(client: Socket, target: Promise<number>): Promise<void> {
  client.on('error', () => {})
  const worker = connect({ port: await target, host: '127.0.0.1', noDelay: true })
  worker.on('error', () => {}).on('close', () => client.destroySoon())
  const leave = () => worker.resetAndDestroy()
  client.on('end', leave).on('close', leave)
  client.pipe(worker, { end: false })
  worker.pipe(client)
}
