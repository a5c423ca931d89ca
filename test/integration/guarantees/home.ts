/** A relay as `npm start` runs it, with a PostgreSQL of its own that tests may do anything to. */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { SUPERUSER } from '../../../scripts/local/postgres/server.ts'
import { Stack } from '../../../scripts/local/stack.ts'
import { clientOf, type RelayClient } from '../../support/relay.ts'

const KEY = 'a-key-of-these-tests-that-is-long-enough'

export interface Home extends RelayClient, AsyncDisposable {
  /** The output at the terminal, and the reason why the stack has given up. */
  notices: string[]
  /** The Worker's log lines. */
  lines: string[]
  postgresPid(): number
  /** A superuser's connection to the database. */
  connect(): Promise<Client>
}

/** Starts the local stack with its data in `data`. */
export async function startHome(data = mkdtempSync(join(tmpdir(), 'relay-home-'))): Promise<Home> {
  // Root's PostgreSQL runs as another account, which must be able to enter.
  chmodSync(data, 0o711)
  const notices: string[] = []
  const lines: string[] = []
  const settings = {
    port: 0,
    dataDirectory: data,
    apiKey: KEY,
    previousApiKey: undefined,
    userId: '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11',
    serviceKey: 'sb_secret_of_these_tests',
    supabaseUrl: undefined,
    publicUrl: undefined,
    allowedOrigins: undefined,
    trustsConnectingIp: false,
    keySource: 'kept' as const,
    warnings: [],
  }
  const stack = new Stack(settings, {
    onLine: (line) => lines.push(line),
    onNotice: (sentence) => notices.push(sentence),
  })
  const url = (await stack.start('0.2.0')) as string
  // Its process and, in the fourth line, its port.
  const lock = () => readFileSync(join(data, 'postgres/data/postmaster.pid'), 'utf8').split('\n')
  return {
    ...clientOf(url, KEY),
    notices,
    lines,
    postgresPid: () => Number(lock()[0]),
    async connect() {
      const client = new Client({
        host: '127.0.0.1',
        port: Number(lock()[3]),
        user: SUPERUSER,
        password: readFileSync(join(data, 'postgres/password'), 'utf8'),
        database: 'relay',
      })
      client.on('error', () => {})
      await client.connect()
      return client
    },
    async [Symbol.asyncDispose]() {
      await stack.stop()
      rmSync(data, { recursive: true })
    },
  }
}
