/** A relay whose connections to PostgreSQL can be cut, or held up, at the very word under way. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { startGateway } from '../../../scripts/local/supabase/gateway.ts'
import { startFaults } from '../../support/faults.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

export interface Wire extends AsyncDisposable {
  port: number
  /** Where connections lead; createRelayOver sets it. */
  target: { host: string; port: number }
  /**
   * Cuts, instead of passing it on, the next `times` that a call comes to this point: the gateway begins
   * it, the gateway commits it, or PostgreSQL says that it has committed.
   */
  cutAt(word: 'begin' | 'commit' | 'COMMIT', times: number): void
  /** When set, receives the commit of a call that has run, instead of its being done. */
  keepBack: ((commit: () => void) => void) | undefined
}

/**
 * A call is one packet: a statement, and the Sync that commits it. Up to there it is passed on with a
 * Flush, which makes PostgreSQL answer what it has run.
 */
const SYNC = Buffer.from([0x53, 0, 0, 0, 4])
const FLUSH = Buffer.from([0x48, 0, 0, 0, 4])
const isCall = (data: Buffer) => data.subarray(-5).equals(SYNC)
/** The tag of the statement, and ReadyForQuery. */
const COMMITTED = 'SELECT 1\0Z'

/** The types of the messages in a packet of PostgreSQL. */
function typesOf(data: Buffer): string {
  let types = ''
  for (let at = 0; at + 5 <= data.length; at += 1 + data.readUInt32BE(at + 1)) {
    types += String.fromCharCode(data[at] as number)
  }
  return types
}

export async function startWire(): Promise<Wire> {
  let cut = { word: '', times: 0 }
  const sockets = new Set<Socket>()
  const isCut = (word: string) => {
    if (cut.word !== word || cut.times === 0) return false
    cut.times -= 1
    return true
  }
  const server = createServer((client) => {
    const database = connect(wire.target)
    for (const [from, to] of [
      [client, database],
      [database, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {}).on('close', () => to.destroy())
    }
    let commit: (() => void) | undefined
    client.on('data', (data) => {
      const isHeld = wire.keepBack !== undefined || (cut.word === 'commit' && cut.times > 0)
      if (!isCall(data)) database.write(data)
      else if (isCut('begin')) client.destroy()
      else if (isHeld) {
        commit = () => database.write(SYNC)
        database.write(Buffer.concat([data.subarray(0, -SYNC.length), FLUSH]))
      } else database.write(data)
    })
    database.on('data', (data) => {
      if (data.includes(COMMITTED) && isCut('COMMIT')) {
        database.destroy()
        return
      }
      client.write(data)
      const types = commit ? typesOf(data) : ''
      if (!commit || !/E|C$/.test(types)) return
      const act = commit
      commit = undefined
      // A call that failed is rolled back at once.
      if (types.includes('E')) act()
      else if (isCut('commit')) client.destroy()
      else if (wire.keepBack) wire.keepBack(act)
      else act()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const wire: Wire = {
    port: (server.address() as AddressInfo).port,
    target: { host: '', port: 0 },
    cutAt(word, times) {
      cut = { word, times }
    },
    keepBack: undefined,
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
  return wire
}

/** A relay of its own, with a gateway that reaches the database over the wire. */
export async function createRelayOver(wire: Wire): Promise<TestRelay> {
  const service = 'sb_secret_over_the_wire'
  const faults = await startFaults()
  const relay = await createTestRelay({ faults, bindings: { SUPABASE_SERVICE_KEY: service } })
  const { connection } = relay.database
  wire.target = { host: connection.host, port: connection.port }
  const gateway = await startGateway({
    connection: { ...connection, host: '127.0.0.1', port: wire.port },
    keys: { service },
    // Calls that wait for one another must not wait for a connection as well.
    connectionsPerFunction: 30,
  })
  faults.target = gateway.url
  return Object.assign(Object.create(relay), {
    async [Symbol.asyncDispose]() {
      await gateway.stop()
      await relay[Symbol.asyncDispose]()
      await faults[Symbol.asyncDispose]()
    },
  })
}
