/** PostgreSQL killed with -9, and a disk that is full: the relay continues without a restart of its own. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { over } from './callers.ts'
import { type Home, startHome } from './home.ts'
import { expectKept, startLoad } from './load.ts'

test('PostgreSQL killed with -9 under load is started again, and nothing acknowledged is lost', async () => {
  await using home = await startHome()
  const load = startLoad(home)
  for (const round of [1, 2]) {
    await load.acknowledged(25)
    process.kill(home.postgresPid(), 'SIGKILL')
    await expect
      .poll(() => home.notices.filter((said) => said.includes('up again')))
      .toHaveLength(round)
    await load.acknowledged(25)
    await killOneConnection(home)
  }
  await load.acknowledged(50)
  await load.stop()
  await expectKept(home, load)
  expect(faultsOf(home)).toEqual(['database_unreachable'])
})

/** Whereupon PostgreSQL ends all others too, and recovers. */
async function killOneConnection(home: Home): Promise<void> {
  const client = await home.connect()
  const { rows } = await client.query(
    `select pid from pg_stat_activity where application_name = 'relay gateway' limit 1`,
  )
  process.kill(rows[0].pid, 'SIGKILL')
  await client.end()
}

/** Takes an account that may mount a disk; faults.test.ts tests the error itself. */
test.skipIf(!isAllowedToMount())(
  'a full disk refuses what it cannot hold, and loses nothing',
  async () => {
    using disk = mountDisk('96m')
    await using home = await startHome(join(disk.path, 'home'))
    const tools = over(home)
    const load = startLoad(home)
    await load.acknowledged(25)

    disk.fill()
    await expect(tools.post('large', incompressible(60_000))).rejects.toThrow(
      'The database is full.',
    )
    expect((await tools.read('load', { limit: 1 })).messages).toHaveLength(1)
    expect((await tools.check('another', { thread_name: 'load', limit: 1 })).messages).toHaveLength(
      1,
    )
    await load.answered(50)
    // Without room for what it writes before it commits, PostgreSQL itself ends.
    const client = await home.connect()
    await client.query('select pg_switch_wal()').catch(() => {})
    await expect.poll(() => home.notices).toContainEqual(expect.stringContaining('No space left'))
    await expect(tools.list()).rejects.toThrow('cannot be reached')

    disk.makeRoom()
    await load.acknowledged(25)
    await load.stop()
    await expectKept(home, load)
    expect(faultsOf(home)).toEqual(['database_full', 'database_unreachable'])
  },
)

function isAllowedToMount(): boolean {
  try {
    mountDisk('1m')[Symbol.dispose]()
    return true
  } catch {
    return false
  }
}

/** A disk of its own, in memory. */
function mountDisk(size: string) {
  const path = mkdtempSync(join(tmpdir(), 'relay-disk-'))
  const ballast = join(path, 'ballast')
  try {
    const options = `size=${size},mode=0711`
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' })
  } catch (error) {
    rmdirSync(path)
    throw error
  }
  mkdirSync(join(path, 'home'))
  return {
    path,
    fill() {
      const { bavail, bsize } = statfsSync(path)
      writeFileSync(ballast, Buffer.alloc(bavail * bsize))
    },
    makeRoom: () => rmSync(ballast),
    [Symbol.dispose]() {
      execFileSync('umount', ['--lazy', path])
      rmdirSync(path)
    },
  }
}

const incompressible = (length: number) => randomBytes(length).toString('base64').slice(0, length)

/** The codes of what has failed. */
function faultsOf({ lines }: Home): string[] {
  const failed = lines.map((line) => JSON.parse(line)).filter(({ outcome }) => outcome === 'failed')
  return [...new Set(failed.map(({ error_code }) => error_code))].toSorted()
}
