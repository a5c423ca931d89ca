/** Folders that cannot be used: each command says so in a sentence. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createHome } from '../../support/home.ts'

test('a missing temporary folder is reported in a sentence, and the next start works', async () => {
  await using home = createHome()
  const gone = join(home.data, 'gone')
  const failed = home.run({ TMPDIR: gone })
  expect(await failed.exit).toBe(1)
  expect(failed.printed).toBe(
    `The temporary folder ${gone} does not exist: set TMPDIR to one that does.\n`,
  )
  await home.start()
})

test('a file that cannot be read or written is a sentence in every command', async () => {
  await using home = createHome()
  // Root may read and write everything, but not a folder as a file.
  mkdirSync(join(home.data, 'settings.json'))
  for (const name of ['start', 'status', 'doctor', 'smoke', 'export', 'import', 'sql']) {
    const { code, printed } = await home.command(name, name === 'import' ? ['x'] : [])
    expect(printed, name).toMatch(/^[^\n]*\.\n$|^The statement is missing/)
    expect(code, name).not.toBe(0)
  }
})
