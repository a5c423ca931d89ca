/** The commands that a fix names, for a relay whose Worker has another name than wrangler.toml. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { createSubject } from '../../../scripts/checks/subject.ts'

const home = mkdtempSync(join(tmpdir(), 'relay-home-'))
vi.stubEnv('RELAY_DATA', home)
// The folder is read when the module is loaded, and another file may have loaded it.
vi.resetModules()
const { deploy, readLog, setSetting, thenDeploy } = await import('../../../scripts/checks/fixes.ts')
afterAll(() => rmSync(home, { recursive: true }))

const subject = (url: string) => createSubject({ url: new URL(url), key: 'a-key' })

test('a command names the Worker that was deployed from this folder, and no other one', () => {
  const url = 'https://my-relay.person.workers.dev'
  writeFileSync(join(home, 'setup.json'), JSON.stringify({ url, worker: 'my-relay' }))
  const own = subject(`${url}/mcp`)
  expect(setSetting(own, 'RELAY_APP')).toBe('npx wrangler secret put RELAY_APP --name my-relay')
  expect(readLog(own)).toContain('npx wrangler tail my-relay and')
  // It deploys under its name and in its region.
  expect([deploy(own), thenDeploy(own)]).toEqual(['npm run setup', 'then run npm run setup.'])

  const other = subject('https://relay.example.com/mcp')
  expect(setSetting(other, 'RELAY_APP')).toBe('npx wrangler secret put RELAY_APP')
  expect(readLog(other)).toContain('npx wrangler tail and')
  expect(deploy(other)).toBe('npx wrangler deploy')
  expect(thenDeploy(subject('http://127.0.0.1:1/mcp'))).toBe('then restart npm start.')
})
