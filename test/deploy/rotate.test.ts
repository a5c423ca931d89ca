/** `npm run rotate` on a deployed relay: planned, leaked, cut short, and ended. */
import { expect, test } from 'vitest'
import { createAccounts, RELAY_URL } from '../support/accounts.ts'
import { DOWN, inPipe, inTerminal } from '../support/person.ts'

const OLD = 'the-old-key-of-these-tests-long-enough'

/** A relay with the old key, which the command is told by the environment. */
async function createDeployedRelay() {
  const accounts = await createAccounts()
  await accounts.deployRelay(OLD)
  return {
    ...accounts,
    secrets: () => accounts.cloudflare.scripts.get('relay-mcp')?.secrets ?? {},
    environment: {
      ...accounts.environment,
      RELAY_URL,
      RELAY_WORKER: 'relay-mcp',
      RELAY_API_KEY: OLD,
    } as Record<string, string | undefined>,
  }
}

test('as planned: both keys are accepted, a second run asks for the end, and --finish is it', async () => {
  await using relay = await createDeployedRelay()
  using person = inTerminal('rotate.ts', [], relay.environment)
  await person.answers('Why is the key changed?', '')
  await person.sees('Give it to every client that brings the key:')
  await person.sees('npm run rotate -- --finish')
  expect(await person.exit).toBe(0)
  const { RELAY_API_KEY: key = '' } = relay.kept()
  expect(person.printed).toContain(`\n${key}\r\n`)
  expect(relay.secrets()).toMatchObject({ RELAY_API_KEY: key, RELAY_API_KEY_PREVIOUS: OLD })
  expect([await relay.statusFor(key), await relay.statusFor(OLD)]).toEqual([200, 200])

  const again = await inPipe('rotate.ts', [], relay.environment)
  expect(again).toMatchObject({ code: 1 })
  expect(again.printed).toContain('A rotation is under way')

  expect(await inPipe('rotate.ts', ['--finish'], relay.environment)).toMatchObject({ code: 0 })
  expect(relay.secrets()).not.toHaveProperty('RELAY_API_KEY_PREVIOUS')
  expect([await relay.statusFor(key), await relay.statusFor(OLD)]).toEqual([200, 401])
})

test('a leaked key is never the previous one, whether said at the prompt or by --leaked', async () => {
  await using relay = await createDeployedRelay()
  using person = inTerminal('rotate.ts', [], relay.environment)
  await person.sees('Why is the key changed?')
  await person.answers('It leaked', DOWN)
  await person.sees('The old key is refused.')
  expect(await person.exit).toBe(0)
  const { RELAY_API_KEY: key = '' } = relay.kept()
  expect([await relay.statusFor(key), await relay.statusFor(OLD)]).toEqual([200, 401])

  expect(await inPipe('rotate.ts', ['--leaked'], relay.environment)).toMatchObject({ code: 0 })
  expect([await relay.statusFor(key), await relay.statusFor(OLD)]).toEqual([401, 401])
  expect(relay.secrets()).not.toHaveProperty('RELAY_API_KEY_PREVIOUS')
})

test('cut short, it goes on with the same new key', async () => {
  await using relay = await createDeployedRelay()
  relay.cloudflare.fail('PATCH')
  const first = await inPipe('rotate.ts', ['--leaked'], relay.environment)
  expect(first).toMatchObject({ code: 1 })
  expect(first.printed).toContain('Cloudflare did not take the secrets.')
  const { rotation } = relay.kept()
  expect(rotation?.kind).toBe('leaked')

  relay.cloudflare.fail(undefined)
  expect(await inPipe('rotate.ts', [], relay.environment)).toMatchObject({ code: 0 })
  expect(relay.kept()).toMatchObject({ RELAY_API_KEY: rotation?.key })
  expect(await relay.statusFor(OLD)).toBe(401)
})
