/**
 * Makes the services that all test files share: one PostgreSQL, fast and without durability, with two template
 * databases, the Worker, bundled once, and the browser for e2e. All are removed when the run ends,
 * however it ends.
 */
import { chownSync, existsSync, readFileSync, statfsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { openHomeDatabase } from '../../scripts/local/home-database.ts'
import { postgresAccount } from '../../scripts/local/postgres/account.ts'
import { type Connection, startPostgres } from '../../scripts/local/postgres/server.ts'
import { migrate } from '../../scripts/local/supabase/migrate.ts'
import { createDatabase, createRoles } from '../../scripts/local/supabase/roles.ts'
import { type Bundle, bundleWorker } from '../../scripts/local/workerd/bundle.ts'
import { unpackChromium } from './chromium.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The superuser's connection to the maintenance database. */
    postgres: Connection
    bundle: Bundle
    /** A folder for this run, removed at the end. In memory, it also has all temporary files of the tests. */
    scratch: string
  }
}

export default async function setup(project: TestProject) {
  const folder = chooseFolder()
  const scratch = await mkdtemp(join(folder, 'relay-scratch-'))
  // Root's PostgreSQL runs as another account, which must be able to enter.
  await chmod(scratch, 0o711)
  if (folder === MEMORY) process.env.TMPDIR = scratch
  // The commands that tests start are then compiled, and their types removed, once.
  process.env.NODE_COMPILE_CACHE = join(scratch, 'compile-cache')
  const [postgres, bundle] = await Promise.all([
    startTestPostgres(folder),
    bundleWorker(),
    ...(project.name === 'e2e'
      ? [unpackChromium(join(scratch, 'chromium')), makeHome(join(scratch, 'home'))]
      : []),
  ])
  project.provide('postgres', postgres.connection('postgres'))
  project.provide('bundle', bundle)
  project.provide('scratch', scratch)
  return async () => {
    await postgres.stop()
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 })
  }
}

const MEMORY = '/dev/shm'
const MOUNTS = '/proc/mounts'

/** Room for the browser, the installed clients, and the databases that exist at a time with their log. */
const ROOM_BYTES = 4 * 2 ** 30

/**
 * Chooses the folder for temporary files: in memory, where Linux has enough room there and runs programs from
 * it. Each test creates and drops a database of 300 files, and for each new file, ext4 searches again all
 * that were deleted in the last minutes.
 */
function chooseFolder(): string {
  const mounts = existsSync(MOUNTS) ? readFileSync(MOUNTS, 'utf8') : ''
  const [, options] = [...mounts.matchAll(/ \/dev\/shm tmpfs (\S+)/g)].at(-1) ?? []
  if (!options || /\bnoexec\b/.test(options)) return tmpdir()
  const { bavail, bsize } = statfsSync(MEMORY)
  return bavail * bsize >= ROOM_BYTES ? MEMORY : tmpdir()
}

/** Makes a data directory with the database of `npm start`, of which each test's own is a copy. */
async function makeHome(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o711 })
  await using _ = await openHomeDatabase(folder)
}

async function startTestPostgres(folder: string) {
  const directory = await mkdtemp(join(folder, 'relay-test-'))
  const account = postgresAccount(directory)
  if (account) chownSync(directory, account.uid, account.gid)
  const postgres = await startPostgres({ directory, durable: false, maxConnections: 200 })

  await createRoles(postgres.connection('postgres'))
  for (const template of ['template_empty', 'template_migrated']) {
    await createDatabase(postgres.connection(template))
  }
  await migrate(postgres.connection('template_migrated'))

  return {
    ...postgres,
    async stop() {
      await postgres.stop()
      await rm(directory, { recursive: true })
    },
  }
}
