/** The relay and what it is compared with, on one database of 10,000 messages in 100 threads. */
import type { Connection } from '../scripts/local/postgres/server.ts'
import type { Bundle } from '../scripts/local/workerd/bundle.ts'
import type { Bed, Contender } from './bed.ts'
import { startTableEndpoints, type TableEndpoints } from './table-endpoints.ts'

export type Bundles = Record<'relay' | 'forward' | 'sdk' | 'tables', Bundle>

/** Each is described in workers/. */
export interface Contenders {
  connection: Connection
  relay: Contender
  forward: Contender
  sdk: Contender
  /** These two use the endpoints, which can delay answers. */
  tables: Contender
  farRelay: Contender
  endpoints: TableEndpoints
}

export async function startContenders(bed: Bed, bundles: Bundles): Promise<Contenders> {
  const { connection, gateway } = await bed.database(100)
  const endpoints = await startTableEndpoints(connection, gateway)
  bed.onEnd(endpoints.stop)
  return {
    connection,
    relay: await bed.worker(bundles.relay, gateway.url),
    forward: await bed.worker(bundles.forward, gateway.url),
    sdk: await bed.worker(bundles.sdk, gateway.url),
    tables: await bed.worker(bundles.tables, endpoints.url),
    farRelay: await bed.worker(bundles.relay, endpoints.url),
    endpoints,
  }
}
