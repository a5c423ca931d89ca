/**
 * Which account and which relay the set-up takes, without a terminal. Cloudflare is a fake: an account
 * with the Workers that a test names.
 */
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Account } from '../../../scripts/deploy/cloudflare.ts'
import type { Deployment } from '../../../scripts/deploy/deployment.ts'
import type { Setup } from '../../../scripts/deploy/steps.ts'

const home = mkdtempSync(join(tmpdir(), 'relay-home-'))
const file = join(home, 'setup.json')
vi.stubEnv('RELAY_DATA', home)
vi.spyOn(console, 'log').mockImplementation(() => {})
const cloudflare = { accounts: [] as Account[], workers: [] as string[] }
vi.mock('../../../scripts/deploy/cloudflare.ts', () => ({
  readLogin: async () => ({ accounts: cloudflare.accounts }),
  listSecrets: async ({ worker }: { worker: string }) =>
    cloudflare.workers.includes(worker) ? [] : undefined,
}))
const { chooseAccount, chooseRelay } = await import('../../../scripts/deploy/which-relay.ts')
const { settleUserAndKey } = await import('../../../scripts/deploy/keys.ts')
const { keep } = await import('../../../scripts/deploy/deployment.ts')

beforeEach(() => {
  Object.assign(cloudflare, { accounts: [MINE], workers: [] })
  for (const name of readdirSync(home)) rmSync(join(home, name))
})
afterEach(() => {
  vi.unstubAllEnvs()
})
afterAll(() => rmSync(home, { recursive: true }))

const MINE = { id: 'a'.repeat(32), name: 'Mine' }
const OTHER = { id: 'b'.repeat(32), name: 'Another' }
const URL_OF_RELAY = 'https://relay-mcp.person.workers.dev'
const KEY = 'a-key-of-these-tests-that-is-long-enough'

const DEPLOYED: Deployment = {
  account: OTHER.id,
  worker: 'relay-mcp',
  url: URL_OF_RELAY,
  deployed_at: '2026-11-22T12:00:00.000Z',
  RELAY_API_KEY: KEY,
}

/** A run of the set-up after an earlier one has saved this. */
function createSetup(saved: Deployment, takesOver = false): Setup {
  const deployment: Deployment = {}
  keep(deployment, saved)
  return { takesOver, deployment }
}

const readSaved = () => JSON.parse(readFileSync(file, 'utf8'))

test('a login without the account of the saved Worker is refused, and changes nothing', async () => {
  const setup = createSetup(DEPLOYED)
  for (const given of [undefined, MINE.id]) {
    vi.stubEnv('CLOUDFLARE_ACCOUNT_ID', given)
    const choosing = expect(chooseAccount(setup)).rejects
    await choosing.toThrow(`is in the Cloudflare account ${OTHER.id}`)
    await expect(chooseAccount(setup)).rejects.toThrow(`has only Mine (${MINE.id})`)
  }
  expect(readSaved()).toEqual(DEPLOYED)
})

test('the saved account is used with a login that lists it, or that cannot list any', async () => {
  for (const accounts of [[MINE, OTHER], []]) {
    cloudflare.accounts = accounts
    const setup = createSetup(DEPLOYED)
    await chooseAccount(setup)
    expect(setup.deployment.account).toBe(OTHER.id)
  }
})

test('an account that was saved without a Worker is not binding', async () => {
  const setup = createSetup({ account: OTHER.id })
  await chooseAccount(setup)
  expect(setup.deployment.account).toBe(MINE.id)
})

/** A relay that accepts one key, and says whether it is the current one. */
async function startRelay(current = true, key = KEY) {
  const server = createServer((request, response) => {
    const isRight = request.headers.authorization === `Bearer ${key}`
    const body = request.url === '/health' ? { current_key: current } : { result: {} }
    response.writeHead(isRight ? 200 : 401).end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, [Symbol.dispose]: () => server.close() }
}

function answer(answers: Record<string, string>): void {
  for (const [name, value] of Object.entries(answers)) vi.stubEnv(name, value)
}

test('the known relay is set aside only once the other one is known, and never lost', async () => {
  cloudflare.workers = ['another']
  using relay = await startRelay()
  const setup = createSetup({ ...DEPLOYED, account: MINE.id }, true)
  answer({ RELAY_URL: relay.url, RELAY_WORKER: 'missing', RELAY_API_KEY: KEY })
  await expect(chooseRelay(setup)).rejects.toThrow('There is no Worker missing in this account.')
  expect(readdirSync(home)).toEqual(['setup.json'])
  expect(readSaved()).toMatchObject({ url: URL_OF_RELAY })

  answer({ RELAY_WORKER: 'another' })
  await chooseRelay(setup)
  const other = { account: MINE.id, url: relay.url, worker: 'another', RELAY_API_KEY: KEY }
  expect(readSaved()).toEqual(other)
  const listAside = () => readdirSync(home).filter((name) => name !== 'setup.json')
  const [first = ''] = listAside()
  expect(JSON.parse(readFileSync(join(home, first), 'utf8'))).toMatchObject({ url: URL_OF_RELAY })

  // The same command again, after an interruption: a key that was changed since stays.
  keep(setup.deployment, { RELAY_API_KEY: `${KEY}-new` })
  await chooseRelay(setup)
  expect(readSaved()).toEqual({ ...other, RELAY_API_KEY: `${KEY}-new` })
  expect(listAside()).toEqual([first])

  // A third relay.
  using third = await startRelay()
  answer({ RELAY_URL: third.url })
  await chooseRelay(setup)
  expect(listAside()).toHaveLength(2)
})

test.each([
  ['with an invisible character', `${KEY.slice(0, 9)}\u200b${KEY.slice(9)}`, 'It must be visible'],
  ['that the relay refuses', 'another-key', 'refuses this key'],
])('a key %s is not taken for the running relay', async (_, key, sentence) => {
  cloudflare.workers = ['relay-mcp']
  using relay = await startRelay()
  answer({ RELAY_URL: relay.url, RELAY_API_KEY: key })
  await expect(chooseRelay(createSetup({ account: MINE.id }, true))).rejects.toThrow(sentence)
  expect(readSaved()).toEqual({ account: MINE.id })
})

test('text pasted around a key is removed, and a previous key is not taken', async () => {
  cloudflare.workers = ['relay-mcp']
  using relay = await startRelay()
  answer({ RELAY_URL: relay.url, RELAY_API_KEY: `"Bearer ${KEY}\u200b"` })
  const setup = createSetup({ account: MINE.id }, true)
  await chooseRelay(setup)
  expect(setup.deployment.RELAY_API_KEY).toBe(KEY)

  using rotated = await startRelay(false)
  answer({ RELAY_URL: rotated.url })
  await expect(chooseRelay(createSetup({ account: MINE.id }, true))).rejects.toThrow(
    'This is the previous key',
  )
})

const RELAY_USER_ID = '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11'

test('a short key that is only the previous one of the relay replaces nothing', async () => {
  const short = 'twelve-chars'
  using relay = await startRelay(false, short)
  const known = { ...DEPLOYED, RELAY_USER_ID, RELAY_API_KEY: short, url: relay.url }
  const setup = createSetup(known)
  await settleUserAndKey(setup)
  expect(setup.deployment).toEqual(known)
})

test('a key that this version does not accept is replaced, and does not become the previous one', async () => {
  const setup = createSetup({ RELAY_USER_ID, RELAY_API_KEY: 'twelve-chars' })
  await settleUserAndKey(setup)
  expect(setup.deployment.RELAY_API_KEY).toMatch(/^[\w-]{43}$/)
  expect(setup.deployment.RELAY_API_KEY_PREVIOUS).toBeUndefined()
  expect(setup.hasNewKey).toBe(true)
  expect(existsSync(file)).toBe(true)
})
