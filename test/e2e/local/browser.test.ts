/** The address that `npm start -- --open` passes to the program that opens the browser. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createHome, KEY } from '../../support/home.ts'

test.runIf(process.platform === 'linux')(
  'the program that opens the browser finds no key in its environment',
  async () => {
    await using home = createHome()
    const folder = mkdtempSync(join(tmpdir(), 'relay-browser-'))
    try {
      const program = join(folder, 'xdg-open')
      const seen = join(folder, 'seen')
      writeFileSync(program, `#!/bin/sh\nenv > '${seen}.draft'\nmv '${seen}.draft' '${seen}'\n`)
      chmodSync(program, 0o755)
      await home.start(
        {
          PATH: `${folder}:${process.env.PATH}`,
          SUPABASE_ACCESS_TOKEN: 'a-token-of-supabase',
          DISPLAY: ':77',
        },
        ['--open'],
      )
      await expect.poll(() => existsSync(seen)).toBe(true)
      const environment = readFileSync(seen, 'utf8')
      expect(environment).toContain('DISPLAY=:77')
      expect(environment).not.toContain(KEY)
      expect(environment).not.toContain('a-token-of-supabase')
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)
