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
   * Cuts, instead of passing it on, the next `times` that either side says `word`: the gateway says
   * `begin` and `commit`, and PostgreSQL says `COMMIT` when it has committed.
   */
  cutAt(word: 'begin' | 'commit' | 'COMMIT', times: number): void
  /** When set, is given what the gateway's `commit` would do, instead of its being done. */
  keepBack: ((commit: () => void) => void) | undefined
}

export async function startWire(): Promise<Wire> {
  let cut = { word: '', times: 0 }
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const database = connect(wire.target)
    join(client, database)
    join(database, client)
  })
  function join(from: Socket, to: Socket): void {
    sockets.add(from)
    from.on('error', () => {}).on('close', () => to.destroy())
    from.on('data', (data) => {
      if (cut.times > 0 && data.includes(cut.word)) {
        cut.times -= 1
        from.destroy()
      } else if (wire.keepBack && data.includes('commit')) wire.keepBack(() => to.write(data))
      else to.write(data)
    })
  }
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
