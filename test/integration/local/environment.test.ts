/** The environment of programs that are not this project's. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { runWrangler } from '../../../scripts/lib/wrangler.ts'

const SECRETS = {
  RELAY_API_KEY: 'secret-1',
  RELAY_API_KEY_PREVIOUS: 'secret-2',
  RELAY_KEY: 'secret-3',
  RELAY_NOTIFY_URL: 'https://ntfy.sh/secret-4',
  SUPABASE_SERVICE_KEY: 'secret-5',
  SUPABASE_ACCESS_TOKEN: 'secret-6',
  SUPABASE_DB_PASSWORD: 'secret-7',
  DATABASE_URL: 'postgresql://secret-8',
}

function createFolder() {
  const path = mkdtempSync(join(tmpdir(), 'relay-environment-'))
  for (const [name, value] of Object.entries(SECRETS)) vi.stubEnv(name, value)
  vi.stubEnv('CLOUDFLARE_API_TOKEN', 'token-of-cloudflare')
  vi.stubEnv('EDITOR', 'an editor')
  return {
    path,
    [Symbol.dispose]() {
      vi.unstubAllEnvs()
      rmSync(path, { recursive: true })
    },
  }
}

test('wrangler gets its own login and no key of the relay', async () => {
  using folder = createFolder()
  const script = join(folder.path, 'dump.cjs')
  const seen = join(folder.path, 'seen')
  writeFileSync(script, `require('fs').writeFileSync('${seen}', JSON.stringify(process.env))`)
  vi.stubEnv('NODE_OPTIONS', `--require=${script}`)
  expect(await runWrangler(['--version'])).toMatchObject({ ok: true })
  const text = readFileSync(seen, 'utf8')
  expect(text).not.toContain('secret-')
  expect(text).toContain('token-of-cloudflare')
})
