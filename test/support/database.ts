/**
 * createTestDatabase(): a PostgreSQL database for one test, like a new Supabase project with the
 * migrations applied, or without them for tests of an upgrade.
 */
import { randomBytes } from 'node:crypto'
import { Client, Pool } from 'pg'
import { inject } from 'vitest'
import { OWNER, withClient } from '../../scripts/local/supabase/roles.ts'

type TestRole = 'anon' | 'authenticated' | 'service_role' | typeof OWNER

export type TestDatabase = Awaited<ReturnType<typeof createTestDatabase>>

/** `empty`: only the roles and the empty schema. */
export async function createTestDatabase({ empty = false } = {}) {
  const server = inject('postgres')
  const database = `test_${randomBytes(6).toString('hex')}`
  const template = empty ? 'template_empty' : 'template_migrated'
  await withClient(server, (client) =>
    // The default strategy passes every page through the log and the buffers, at six times the work.
    client.query(
      `create database ${database} template ${template} strategy file_copy owner ${OWNER}`,
    ),
  )
  const connection = { ...server, database }
  const { host, port, user, password } = connection
  const closers: (() => Promise<void>)[] = []
  let calls: Pool | undefined

  /** Up to `size` parallel connections acting as `role`, closed with the database. */
  function pool(size: number, role: TestRole = 'service_role') {
    const made = new Pool({ ...connection, max: size, ...actingAs(role) })
    made.on('error', () => {}).on('connect', (client) => client.on('error', () => {}))
    closers.push(() => made.end())
    return made
  }

  return {
    connection,
    /** The same as a connection string. */
    url: `postgres://${user}:${password}@${host}:${port}/${database}`,
    pool,

    /** A client acting as `role`, closed with the database. */
    async connect(role: TestRole = 'service_role') {
      const client = new Client({ ...connection, ...actingAs(role) })
      client.on('error', () => {})
      await client.connect()
      closers.push(() => client.end())
      return client
    },

    /** Calls `public.fn(name => value, …)` as service_role, and returns its result. */
    // biome-ignore lint/suspicious/noExplicitAny: tests state what they expect by asserting it.
    async call(fn: string, args: Record<string, unknown> = {}): Promise<any> {
      calls ??= pool(4)
      const names = Object.keys(args)
      const passed = names.map((name, index) => `${name} => $${index + 1}`).join(', ')
      const { rows } = await calls.query(
        `select public.${fn}(${passed}) as result`,
        Object.values(args),
      )
      return rows[0].result
    },

    async [Symbol.asyncDispose]() {
      await Promise.allSettled(closers.map((close) => close()))
      await withClient(server, (client) => client.query(`drop database ${database} with (force)`))
    },
  }
}

/** Logs in as the superuser with the rights of `role` from the first statement on. */
const actingAs = (role: TestRole) => ({ options: `-c role=${role}` })
