/** `npm run rotate` on a deployed relay: planned, leaked, interrupted and finished. */
import { writeFileSync } from 'node:fs'
import { expect, inject, test } from 'vitest'
import type { Result } from '../../../scripts/checks/check.ts'
import type { Deployment } from '../../../scripts/deploy/deployment.ts'
import { createAccounts, RELAY_URL } from '../../support/accounts.ts'
import { ACCOUNT } from '../../support/cloudflare.ts'
import { inPipe, inTerminal } from '../../support/person.ts'

const OLD = 'the-old-key-of-these-tests-long-enough'

/** A relay with the old key, deployed from the folder of the command. */
async function createDeployedRelay() {
  const accounts = await createAccounts({ hasQuickWrangler: true })
  await accounts.deployRelay(OLD)
  const deployment: Deployment = {
    account: ACCOUNT,
    worker: 'relay-mcp',
    url: RELAY_URL,
    deployed_at: '2026-11-22T12:00:00.000Z',
    RELAY_API_KEY: OLD,
  }
  writeFileSync(accounts.file, JSON.stringify(deployment))
  return {
    ...accounts,
    secrets: () => accounts.cloudflare.scripts.get('relay-mcp')?.secrets ?? {},
  }
}

test('a planned rotation accepts both keys until --finish, and cannot be started twice', async () => {
  await using relay = await createDeployedRelay()
  await relay.runMigrations()
  using person = inTerminal('rotate', [], relay.environment)
  await person.answers('Why are you changing the key?', '')
  await person.sees('Set another key in every client that sends the old one')
  await person.sees('npm run rotate -- --finish')
  expect(await person.exit).toBe(0)
  const { RELAY_API_KEY: key = '' } = relay.kept()
  expect(person.printed).toContain(`\n${key}\r\n`)
  // Claude Code gets a key of its own, not that of the relay.
  const { RELAY_KEY: ownKey = '' } = relay.kept()
  expect(person.printed).toContain('claude mcp remove relay --scope user')
  expect(person.printed).toContain(`--header "Authorization: Bearer ${ownKey}"`)
  expect(person.printed).not.toContain(`Bearer ${key}`)
  expect(relay.secrets()).toMatchObject({ RELAY_API_KEY: key, RELAY_API_KEY_PREVIOUS: OLD })
  expect([await relay.statusFor(key), await relay.statusFor(OLD)]).toEqual([200, 200])

  const again = await inPipe('rotate', [], relay.environment)
  expect(again).toMatchObject({ code: 1 })
  expect(again.printed).toContain('A rotation is in progress')

  expect(await inPipe('rotate', ['--finish'], relay.environment)).toMatchObject({ code: 0 })
  expect(relay.secrets()).not.toHaveProperty('RELAY_API_KEY_PREVIOUS')
  const statuses = await Promise.all([key, ownKey, OLD].map(relay.statusFor))
  expect(statuses).toEqual([200, 200, 401])
})

test('a leaked key stops working everywhere, also during a rotation and at URLs of earlier versions', async () => {
  await using relay = await createDeployedRelay()
  // A planned rotation is in progress, and its version with both keys has its own URL.
  const current = 'the-current-key-of-these-tests-long-enough'
  await relay.cloudflare.install('relay-mcp', inject('bundle'), {
    ...relay.secrets(),
    RELAY_API_KEY: current,
    RELAY_API_KEY_PREVIOUS: OLD,
  })
  writeFileSync(relay.file, JSON.stringify({ ...relay.kept(), RELAY_API_KEY: current }))

  const previewUrls = async (key: string) => {
    const environment = { ...relay.environment, RELAY_URL, RELAY_API_KEY: key }
    const { printed } = await inPipe('doctor', ['--json'], environment)
    const { checks } = JSON.parse(printed) as { checks: Result[] }
    return checks.find(({ id }) => id === 'preview-urls')?.outcome
  }
  expect(await previewUrls(current)).toBe('failed')

  relay.cloudflare.fail('PATCH scripts secrets-bulk')
  const first = await inPipe('rotate', ['--leaked'], relay.environment)
  expect(first).toMatchObject({ code: 1 })
  expect(first.printed).toContain('Cloudflare did not accept the secrets.')
  const { rotation } = relay.kept()
  expect(rotation?.kind).toBe('leaked')
  expect(await relay.statusFor(current)).toBe(200)

  // A second run resumes with the same new key.
  relay.cloudflare.fail()
  expect(await inPipe('rotate', [], relay.environment)).toMatchObject({ code: 0 })
  const { RELAY_API_KEY: key = '' } = relay.kept()
  expect(key).toBe(rotation?.key)
  expect(relay.secrets()).not.toHaveProperty('RELAY_API_KEY_PREVIOUS')
  for (const leaked of [current, OLD]) {
    expect(await relay.statusFor(leaked)).toBe(401)
    expect(await relay.statusesOfVersions(leaked)).toEqual([])
  }
  expect(await relay.statusFor(key)).toBe(200)
  expect(await previewUrls(key)).toBe('ok')
  const { subdomain } = relay.cloudflare.scripts.get('relay-mcp') ?? {}
  expect(subdomain).toEqual({ enabled: true, previews_enabled: false })
})

test('the doctor reports preview URLs of a relay that was deployed from this folder', async () => {
  await using relay = await createDeployedRelay()
  await relay.runMigrations()
  const environment = { ...relay.environment, RELAY_URL, RELAY_API_KEY: OLD }
  const check = async () => {
    const { printed } = await inPipe('doctor', ['--json'], environment)
    const { checks } = JSON.parse(printed.slice(printed.indexOf('{')))
    return checks.find(({ id }: { id: string }) => id === 'preview-urls')
  }
  expect(await check()).toMatchObject({
    outcome: 'failed',
    fix: expect.arrayContaining([expect.stringContaining('preview_urls = false')]),
  })
  const { subdomain } = relay.cloudflare.scripts.get('relay-mcp') ?? {}
  Object.assign(subdomain as object, { previews_enabled: false })
  expect(await check()).toMatchObject({ outcome: 'ok' })
  // Without a login, nothing can be said about them.
  Object.assign(environment, { CLOUDFLARE_API_TOKEN: 'a-wrong-token' })
  expect(await check()).toMatchObject({ outcome: 'unknown' })
})

test('a key that is not the current one is not rotated, since the current one would stop working', async () => {
  await using relay = await createDeployedRelay()
  const current = 'the-current-key-of-these-tests-long-enough'
  // Rotated from another machine: what is saved here has become the previous key.
  await relay.cloudflare.install('relay-mcp', inject('bundle'), {
    ...relay.secrets(),
    RELAY_API_KEY: current,
    RELAY_API_KEY_PREVIOUS: OLD,
  })
  const before = relay.secrets()
  const finish = (key: string | undefined) =>
    inPipe('rotate', ['--finish'], { ...relay.environment, RELAY_API_KEY: key })
  const refused = await finish(undefined)
  expect(refused).toMatchObject({ code: 1 })
  expect(refused.printed).toContain('This is the previous key of the relay')
  expect(relay.secrets()).toEqual(before)
  expect(await finish(current)).toMatchObject({ code: 0 })
  expect([await relay.statusFor(current), await relay.statusFor(OLD)]).toEqual([200, 401])

  // A set-up that was interrupted between a new key and its deployment.
  const known = { ...relay.kept(), RELAY_API_KEY: 'n'.repeat(43), deployed_at: undefined }
  writeFileSync(relay.file, JSON.stringify(known))
  const never = await inPipe('rotate', [], relay.environment)
  expect(never).toMatchObject({ code: 1 })
  expect(never.printed).toContain('refuses this key')
  expect(await relay.statusFor(current)).toBe(200)
  expect(relay.secrets()).not.toHaveProperty('RELAY_API_KEY_PREVIOUS')
})
