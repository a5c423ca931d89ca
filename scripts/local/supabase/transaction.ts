/**
 * Runs one call as one transaction, in one round trip. Everything up to the protocol's Sync message is
 * one transaction: committed there, or rolled back if anything before has failed (PostgreSQL 17, 53.2.4,
 * "Pipelining"). BEGIN, SET LOCAL and COMMIT as statements of their own took three more round trips.
 */
import { type Connection, DatabaseError, type PoolClient, type Submittable } from 'pg'
import type { FunctionCall } from './functions.ts'

/** The API's roles. They are written into statements. */
export type Role = 'anon' | 'service_role'

/** Statements that a connection has parsed, by name. */
const prepared = new WeakMap<Connection, Set<string>>()

interface Statement {
  name: string
  text: string
}

/** Returns the function's result as JSON text. Rejects with what PostgreSQL refused, or a lost connection. */
export function runCall(
  client: PoolClient,
  role: Role,
  { statement, takesBody, readOnly }: FunctionCall,
  body: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    client.query(
      new Transaction(
        [
          [createRoleStatement(role, readOnly), []],
          [statement, takesBody ? [body] : []],
        ],
        resolve,
        reject,
      ),
    )
  })
}

/** Both settings end with the transaction, as those of PostgREST do. */
function createRoleStatement(role: Role, readOnly: boolean): Statement {
  const settings = [
    `set_config('role', '${role}', true)`,
    ...(readOnly ? [`set_config('transaction_read_only', 'on', true)`] : []),
  ]
  return { name: `${role}${readOnly ? '_reads' : ''}`, text: `select ${settings.join(', ')}` }
}

/** A stand-in for pg's own query: pg calls submit(), then a handler for each answer. */
class Transaction implements Submittable {
  readonly #statements: [Statement, string[]][]
  readonly #resolve: (json: string) => void
  readonly #reject: (error: Error) => void
  #result: string | null = null
  #parsed: { known: Set<string>; names: string[] } | undefined

  constructor(
    statements: [Statement, string[]][],
    resolve: (json: string) => void,
    reject: (error: Error) => void,
  ) {
    this.#statements = statements
    this.#resolve = resolve
    this.#reject = reject
  }

  submit(connection: Connection): void {
    const known = prepared.get(connection) ?? new Set()
    prepared.set(connection, known)
    this.#parsed = { known, names: this.#statements.map(([{ name }]) => name) }
    // One packet.
    connection.stream.cork()
    for (const [{ name, text }, values] of this.#statements) {
      if (!known.has(name)) {
        // An earlier attempt may have parsed it before it failed; closing what is not there is no error.
        connection.close({ type: 'S', name }, true)
        connection.parse({ name, text, types: [] }, true)
      }
      connection.bind({ statement: name, values }, true)
      connection.execute({}, true)
    }
    connection.sync()
    connection.stream.uncork()
  }

  /** Each statement returns one row; the last one's is the result. */
  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    this.#result = fields[0] ?? null
  }

  handleCommandComplete(): void {}

  /** The transaction is committed only now: a deferred constraint, for example, can fail at the end. */
  handleReadyForQuery(): void {
    for (const name of this.#parsed?.names ?? []) this.#parsed?.known.add(name)
    this.#resolve(this.#result ?? 'null')
  }

  /** After an error PostgreSQL skips to the Sync and rolls back. A refusal must not be told before. */
  handleError(error: Error, connection: Connection): void {
    if (endsConnection(error)) {
      this.#reject(error)
      return
    }
    const tell = () => {
      connection.off('readyForQuery', tell).off('end', tell)
      this.#reject(error)
    }
    connection.on('readyForQuery', tell).on('end', tell)
  }
}

/** Whether the connection is lost, or about to be. */
export function endsConnection(error: unknown): boolean {
  return !(error instanceof DatabaseError) || /^(FATAL|PANIC)$/.test(error.severity ?? '')
}
