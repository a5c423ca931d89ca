/** The meaning of a Supabase project's status, and how long the set-up waits for it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { waitUntilHealthy } from '../../../scripts/deploy/health.ts'
import { ManagementError } from '../../../scripts/deploy/management.ts'

const REF = 'abcdefghijklmnopqrst'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Waits for a project with these statuses, one at each request; the last one stays. */
async function wait(...statuses: (string | Error)[]) {
  const account = {
    async listProjects() {
      const status = statuses.length > 1 ? statuses.shift() : statuses[0]
      if (status instanceof Error) throw status
      if (!status) return []
      return [{ ref: REF, name: 'mine', organization_slug: 'acme', region: 'eu-west-1', status }]
    },
  }
  const shown: string[] = []
  const start = Date.now()
  const ended = waitUntilHealthy(account, REF, (text) => shown.push(text)).then(
    () => ({ fault: undefined, shown, waited: Date.now() - start }),
    (error: Error) => ({ fault: error.message, shown, waited: Date.now() - start }),
  )
  await vi.runAllTimersAsync()
  return ended
}

test('the set-up waits for a new project, and says why', async () => {
  const lost = new ManagementError('no answer', 'Supabase cannot be reached.')
  const { fault, shown, waited } = await wait('UNKNOWN', 'COMING_UP', lost, 'NEW', 'ACTIVE_HEALTHY')
  expect(fault).toBeUndefined()
  expect(shown).toEqual([
    expect.stringContaining('The project mine is not healthy yet (UNKNOWN)'),
    expect.stringContaining('(COMING_UP)'),
    expect.stringContaining('Supabase does not answer'),
    expect.stringContaining('(NEW)'),
  ])
  expect(waited).toBe(20_000)
})

test('a project that is still starting after ten minutes is named, with its page', async () => {
  const { fault, waited } = await wait('COMING_UP')
  expect(fault).toBe(
    `The project mine is not healthy yet (COMING_UP): look at https://supabase.com/dashboard/project/${REF}, and continue when it is.`,
  )
  expect(waited).toBe(600_000)
})

test.each([
  ['INACTIVE', 'is paused: restore it'],
  ['PAUSING', 'is being paused'],
  ['INIT_FAILED', 'could not be started'],
  ['RESTORE_FAILED', 'ask Supabase'],
  ['GOING_DOWN', 'is being deleted'],
])('a project that is %s is not waited for', async (status, sentence) => {
  const { fault, waited } = await wait(status)
  expect(fault).toContain(sentence)
  expect(waited).toBe(0)
})

test('a project that is gone, and a token that was revoked, end the wait', async () => {
  expect((await wait('')).fault).toContain(`Your account has no project ${REF} any more`)
  const revoked = new ManagementError('token', 'revoked')
  expect((await wait('COMING_UP', revoked)).fault).toBe('revoked')
})
