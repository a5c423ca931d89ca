/**
 * Finds the SQL function for a request, and writes the statement that calls it. The catalogue is cached
 * like PostgREST's schema cache: until `notify pgrst` says that it has changed.
 */
import { Client } from 'pg'
import type { Connection } from '../postgres/server.ts'
import { ApiError, createConnectionError } from './errors.ts'

interface SqlFunction {
  name: string
  readOnly: boolean
  /** Its input arguments in order; the last `defaults` of them are optional. */
  arguments: { name: string; type: string }[]
  defaults: number
}

export interface FunctionCall {
  /** The function's. */
  name: string
  readOnly: boolean
  /** Named, so that PostgreSQL parses it once for each connection. */
  statement: { name: string; text: string }
  /** Whether the request's body is the statement's one parameter. */
  takesBody: boolean
}

interface Catalogue {
  functions: Map<string, SqlFunction[]>
  calls: Map<string, FunctionCall>
  listener: Client
}

const READ = `
  select
    p.proname as name,
    p.provolatile <> 'v' as "readOnly",
    p.pronargdefaults as defaults,
    coalesce((
      select json_agg(json_build_object(
          'name', coalesce(p.proargnames[i], ''),
          'type', format_type(p.proargtypes[i - 1], null)) order by i)
      from generate_series(1, p.pronargs) as i
    ), '[]') as arguments
  from pg_catalog.pg_proc p
  where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'
    and p.proargmodes is null and not p.proretset
`

export class FunctionCatalogue {
  #connection: Connection
  #current: Promise<Catalogue> | undefined
  #statements = 0

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Returns the call of the function with exactly these arguments; throws PostgREST's refusal. */
  async find(name: string, given: string[]): Promise<FunctionCall> {
    const { functions, calls } = await this.#read()
    const key = JSON.stringify([name, ...given.toSorted()])
    const known = calls.get(key)
    if (known) return known

    const fitting = (functions.get(name) ?? []).filter((candidate) => takes(candidate, given))
    const [only, ...more] = fitting
    if (!only) throw createNotFound(name, given)
    if (more.length > 0) throw createAmbiguous(fitting)
    this.#statements += 1
    const call = createCall(only, given, `rpc_${this.#statements}`)
    calls.set(key, call)
    return call
  }

  async close(): Promise<void> {
    const current = await this.#current?.catch(() => undefined)
    await current?.listener.end()
  }

  /** The catalogue is valid only while a listener watches for changes. */
  #read(): Promise<Catalogue> {
    if (this.#current) return this.#current
    const listener = new Client(this.#connection)
    const reading = read(listener).catch((error) => {
      forget()
      throw createConnectionError(error)
    })
    const forget = () => {
      if (this.#current === reading) this.#current = undefined
      listener.end().catch(() => {})
    }
    listener.on('notification', forget).on('error', forget).on('end', forget)
    this.#current = reading
    return reading
  }
}

async function read(listener: Client): Promise<Catalogue> {
  await listener.connect()
  await listener.query('listen pgrst')
  const { rows } = await listener.query<SqlFunction>(READ)
  return { functions: Map.groupBy(rows, ({ name }) => name), calls: new Map(), listener }
}

function takes({ arguments: all, defaults }: SqlFunction, given: string[]): boolean {
  const names = new Set(all.map(({ name }) => name))
  const required = all.slice(0, all.length - defaults)
  return (
    given.every((name) => names.has(name)) && required.every(({ name }) => given.includes(name))
  )
}

// As with PostgREST, PostgreSQL converts the body into arguments, so that numbers, nulls, arrays and
// jsonb are treated in the same way.
function createCall(called: SqlFunction, given: string[], name: string): FunctionCall {
  const args = called.arguments.filter((argument) => given.includes(argument.name))
  const takesBody = args.length > 0
  const passed = args.map((arg) => `${quote(arg.name)} => body.${quote(arg.name)}`).join(', ')
  const columns = args.map((arg) => `${quote(arg.name)} ${arg.type}`).join(', ')
  const source = takesBody ? ` from json_to_record($1::json) as body (${columns})` : ''
  const text = `select to_json(public.${quote(called.name)}(${passed}))::text as result${source}`
  return { name: called.name, readOnly: called.readOnly, statement: { name, text }, takesBody }
}

const quote = (identifier: string) => `"${identifier.replaceAll('"', '""')}"`

function createNotFound(name: string, given: string[]): ApiError {
  const list = given.length > 0 ? `(${given.join(', ')})` : ' without parameters'
  const message = `Could not find the function public.${name}${list} in the schema cache`
  return new ApiError(404, 'PGRST202', message)
}

function createAmbiguous(functions: SqlFunction[]): ApiError {
  const signatures = functions.map(({ name, arguments: all }) => {
    return `public.${name}(${all.map((arg) => `${arg.name} => ${arg.type}`).join(', ')})`
  })
  const message = `Could not choose the best candidate function between: ${signatures.join(', ')}`
  return new ApiError(300, 'PGRST203', message)
}
