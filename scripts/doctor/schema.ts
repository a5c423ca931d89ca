/** What migrations/*.sql leave in a database, as far as the API calls it. */
import { readdirSync, readFileSync } from 'node:fs'

const FOLDER = new URL('../../migrations/', import.meta.url)

export interface Schema {
  /** The number of the last file. */
  version: number
  /** Each function that service_role may call, by name and arguments, as relay_status writes it. */
  functions: string[]
}

export function readSchema(): Schema {
  const files = readdirSync(FOLDER).filter((name) => /^\d+_.*\.sql$/.test(name))
  files.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
  const sql = files.map((name) => readFileSync(new URL(name, FOLDER), 'utf8')).join('\n')
  const granted = [...sql.matchAll(/^grant execute on function public\.(\w+)/gm)]
  const names = new Set(granted.map(([, name]) => name as string))
  const signatures = new Map<string, string>()
  for (const [, name = '', given = ''] of sql.matchAll(FUNCTION)) {
    signatures.set(name, `${name}(${[...given.matchAll(/\bp_\w+/g)].join(', ')})`)
  }
  return {
    version: Number.parseInt(files.at(-1) ?? '', 10),
    functions: [...names].map((name) => signatures.get(name) ?? name),
  }
}

const FUNCTION = /^create or replace function public\.(\w+)\(([^;]*?)\)\s+returns /gm
