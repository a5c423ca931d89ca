/** The meaning of a Supabase project's status, and how long the set-up waits for it. */
import { expect, test } from 'vitest'
import { type Clock, judgeStatus, waitUntilHealthy } from '../../../scripts/deploy/health.ts'
import { ManagementError } from '../../../scripts/deploy/management.ts'

const REF = 'abcdefghijklmnopqrst'

/** A clock that only moves during a sleep. */
function createClock(): Clock & { slept: number } {
  const clock = {
    slept: 0,
    now: () => clock.slept,
    async sleep(ms: number) {
      clock.slept += ms
    },
  }
  return clock
}

/** An account whose project has these statuses, one at each request; the last one stays. */
function createAccount(...statuses: (string | Error)[]) {
  return {
    async listProjects() {
      const status = statuses.length > 1 ? statuses.shift() : statuses[0]
      if (status instanceof Error) throw status
      if (!status) return []
      const project = { ref: REF, name: 'mine', organization_slug: 'acme', region: 'eu-west-1' }
      return [{ ...project, status, created_at: '2026-11-26T10:00:00Z' }]
    },
  }
}

test('the set-up waits for a new project, and says why', async () => {
  const clock = createClock()
  const shown: string[] = []
  const lost = new ManagementError('no answer', 'Supabase cannot be reached.')
  const account = createAccount('UNKNOWN', 'COMING_UP', lost, 'ACTIVE_UNHEALTHY', 'ACTIVE_HEALTHY')
  const project = await waitUntilHealthy(account, REF, (text) => shown.push(text), clock)
  expect(project.region).toBe('eu-west-1')
  expect(shown).toContain('Supabase is starting the project')
  expect(shown).toContain('its services are starting')
  expect(clock.slept).toBe(20_000)
})

test('a project that is still starting after ten minutes is named, with its page', async () => {
  const clock = createClock()
  const waiting = waitUntilHealthy(createAccount('COMING_UP'), REF, () => {}, clock)
  await expect(waiting).rejects.toThrow(
    `The project mine is not healthy after 10 minutes (COMING_UP): look at https://supabase.com/dashboard/project/${REF}`,
  )
  expect(clock.slept).toBe(600_000)
})

test.each([
  ['INACTIVE', 'is paused: restore it'],
  ['PAUSING', 'is being paused'],
  ['INIT_FAILED', 'could not be started'],
  ['RESTORE_FAILED', 'ask Supabase'],
  ['GOING_DOWN', 'is being deleted'],
])('a project that is %s is not waited for', async (status, sentence) => {
  const clock = createClock()
  await expect(waitUntilHealthy(createAccount(status), REF, () => {}, clock)).rejects.toThrow(
    sentence,
  )
  expect(clock.slept).toBe(0)
})

test('a project that is gone, and a token that was revoked, end the wait', async () => {
  const gone = waitUntilHealthy(createAccount(''), REF, () => {}, createClock())
  await expect(gone).rejects.toThrow(`Your account has no project ${REF} any more`)
  const revoked = createAccount('COMING_UP', new ManagementError('token', 'revoked'))
  await expect(waitUntilHealthy(revoked, REF, () => {}, createClock())).rejects.toThrow('revoked')
})

test('a status that is new to this version is waited for', () => {
  expect(judgeStatus('MOVING_HOUSE')).toEqual({ is: 'starting', why: 'Supabase says moving house' })
})
