/**
 * Writes the migrations into the folder of a project that is managed with Supabase's own program, under
 * names that it takes: a time, which orders them, then a name.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Migration } from '../lib/migrations.ts'
import { UserError } from '../lib/user-error.ts'

export interface WrittenFile {
  path: string
  /** False if the folder already had this migration. */
  isNew: boolean
}

/**
 * Writes those migrations that `folder` does not have yet. Their times are later than all in the folder,
 * because `supabase db push` refuses an earlier one after a later one was applied.
 */
export function writeMigrationFiles(
  folder: string,
  migrations: Migration[],
  now = new Date(),
): WrittenFile[] {
  try {
    mkdirSync(folder, { recursive: true })
    const names = readdirSync(folder)
    let time = Math.max(now.getTime(), latestTime(names) + 1000)
    return migrations.map(({ path, sql }) => {
      const found = names.find((name) => isCopy(folder, name, path, sql))
      if (found) return { path: join(folder, found), isNew: false }
      const target = join(folder, `${formatTime(time)}_${nameOf(path)}`)
      time += 1000
      writeFileSync(target, sql, { flag: 'wx' })
      return { path: target, isNew: true }
    })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'ENOTDIR' || code === 'EEXIST' ? 'it is not a folder' : message
    throw new UserError(`The migrations cannot be written to ${folder}: ${why}.`)
  }
}

/** `relay_mcp_001_initial.sql`, so that a person sees where it comes from. */
const nameOf = (path: string) => `relay_mcp_${path.split('/').at(-1)}`

function isCopy(folder: string, name: string, path: string, sql: string): boolean {
  if (!name.endsWith(`_${nameOf(path)}`)) return false
  return digest(readFileSync(join(folder, name), 'utf8')) === digest(sql)
}

/** Line ends may have been changed by git. */
function digest(sql: string): string {
  return createHash('sha256').update(sql.replaceAll('\r\n', '\n')).digest('hex')
}

/** The latest time in the names of a folder; 0 if there is none. */
function latestTime(names: string[]): number {
  const times = names.map((name) => {
    const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)_/.exec(name) ?? []
    const [year = 0, month = 1, day, hour, minute, second] = parts.map(Number)
    return parts.length > 0 ? Date.UTC(year, month - 1, day, hour, minute, second) : 0
  })
  return Math.max(0, ...times)
}

function formatTime(time: number): string {
  return new Date(time).toISOString().replace(/\D/g, '').slice(0, 14)
}
