/**
 * Everything that the scripts ask of wrangler, with the real one and with the stand-in that most tests of
 * set-up and rotation use: both answer the same.
 */
import { afterEach, expect, inject, test, vi } from 'vitest'
import {
  deleteWorker,
  deploy,
  hasPreviewUrls,
  listSecrets,
  putSecrets,
  readLogin,
} from '../../../scripts/deploy/cloudflare.ts'
import { ACCOUNT, startCloudflare, WRANGLER } from '../../support/cloudflare.ts'

afterEach(() => vi.unstubAllEnvs())

const SECRETS = {
  RELAY_API_KEY: 'a-key-of-these-tests-that-is-long-enough',
  RELAY_USER_ID: '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11',
  SUPABASE_URL: 'https://abcdefghijklmnopqrst.supabase.co',
  SUPABASE_SERVICE_KEY: 'sb_secret_of_these_tests',
}

test.each([
  ['the real wrangler', ''],
  ['the stand-in', `--import ${WRANGLER}`],
])('%s deploys, changes and deletes a Worker, and says why it cannot', async (_, options) => {
  await using cloudflare = await startCloudflare()
  const { scripts } = cloudflare
  for (const [name, value] of Object.entries(cloudflare.environment)) vi.stubEnv(name, value)
  vi.stubEnv('NODE_OPTIONS', options)
  const target = { account: ACCOUNT, worker: 'relay-mcp' }

  expect(await readLogin()).toMatchObject({
    email: 'person@example.com',
    accounts: [{ id: ACCOUNT, name: "A person's account" }],
  })
  expect(await listSecrets(target)).toBeUndefined()
  const hosts = ['relay-mcp.person.workers.dev']
  expect(await deploy(target, SECRETS)).toEqual({ hosts, hasTrigger: true })
  const script = scripts.get('relay-mcp')
  expect(script).toMatchObject({
    secrets: SECRETS,
    crons: ['*/2 * * * *'],
    subdomain: { enabled: true, previews_enabled: false },
  })
  expect(script?.bundle.source).toBe(inject('bundle').source)
  expect(await hasPreviewUrls(target)).toBe(false)
  await putSecrets(target, { RELAY_API_KEY: 'another', RELAY_API_KEY_PREVIOUS: 'a-key' })
  await putSecrets(target, { RELAY_API_KEY_PREVIOUS: null })
  expect(scripts.get('relay-mcp')?.secrets).toEqual({ ...SECRETS, RELAY_API_KEY: 'another' })
  // A secret that is not given stays. A refused cron trigger does not stop the deployment.
  const { RELAY_API_KEY: _key, ...others } = SECRETS
  cloudflare.fail('PUT scripts schedules', 10072)
  expect(await deploy(target, others)).toEqual({ hosts, hasTrigger: false })
  expect(scripts.get('relay-mcp')?.secrets.RELAY_API_KEY).toBe('another')
  expect((await listSecrets(target))?.sort()).toEqual(Object.keys(SECRETS).sort())

  cloudflare.fail('PATCH scripts secrets-bulk')
  await expect(putSecrets(target, SECRETS)).rejects.toThrow(/did not accept the secrets.*10013/s)
  cloudflare.fail('POST scripts versions')
  await expect(deploy(target, SECRETS)).rejects.toThrow(/did not accept the Worker.*10013/s)
  cloudflare.fail()
  await deleteWorker(target)
  expect([...scripts.keys()]).toEqual([])
  // Missing values of the first deployment are not invented.
  await expect(deploy(target, others)).rejects.toThrow('did not accept the Worker')
  expect([...scripts.keys()]).toEqual([])

  vi.stubEnv('CLOUDFLARE_API_TOKEN', undefined)
  vi.stubEnv('HOME', '/nonexistent')
  vi.stubEnv('XDG_CONFIG_HOME', '/nonexistent')
  expect(await readLogin()).toBeUndefined()
})
