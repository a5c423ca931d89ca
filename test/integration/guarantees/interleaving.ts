/**
 * Calls that overlap on parallel connections in an order of our own: each begins when those before it
 * have ended, wait for a lock, or are held back at their commit. So what is found once is found again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import type { TestRelay } from '../../support/relay.ts'
import type { OverlappingCall } from './histories.ts'
import type { Wire } from './wire.ts'

export interface Outcome {
  call: OverlappingCall
  /** Moments, counted up. */
  sent: number
  answered: number
  // biome-ignore lint/suspicious/noExplicitAny: each tool has an answer of its own.
  answer: any
  /** Instead of an answer. */
  refused: string | undefined
}

/** Makes the calls on the relay that stands on this wire; resolves when all have been answered. */
export async function interleave(
  relay: TestRelay,
  wire: Wire,
  observer: Client,
  calls: OverlappingCall[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  const underWay = new Set<Promise<void>>()
  const held: { until: number; commit: () => void }[] = []
  let moments = 0

  function begin(call: OverlappingCall): void {
    const outcome = { call, sent: moments, answered: 0, answer: undefined, refused: undefined }
    moments += 1
    outcomes.push(outcome)
    const answered = relay
      .callFaithfully(call.name, call.args)
      .then(({ isError, content, structuredContent: answer }) => {
        Object.assign(outcome, isError ? { refused: content[0].text } : { answer })
      })
      .catch((error) => Object.assign(outcome, { refused: `${error}` }))
      .then(() => {
        outcome.answered = moments
        moments += 1
        underWay.delete(answered)
      })
    underWay.add(answered)
  }

  /** Resolves when every call under way is held back or waits for one that is. */
  async function settled(): Promise<void> {
    while (underWay.size > held.length) {
      await sleep(2)
      const count = underWay.size
      const waiting = await waitingForLocks(observer)
      if (underWay.size === count && count === held.length + waiting) return
    }
  }

  async function commitThose(due: typeof held): Promise<void> {
    for (const each of due) {
      held.splice(held.indexOf(each), 1)
      each.commit()
      await settled()
    }
  }

  for (const [index, call] of calls.entries()) {
    if (call.heldFor > 0) {
      wire.keepBack = (commit) => held.push({ until: index + call.heldFor, commit })
    }
    begin(call)
    await settled()
    wire.keepBack = undefined
    await commitThose(held.filter(({ until }) => until <= index))
  }
  await commitThose([...held])
  return outcomes
}

async function waitingForLocks(observer: Client): Promise<number> {
  const { rows } = await observer.query(
    `select count(distinct l.pid)::int as waiting from pg_locks l
    join pg_stat_activity a using (pid)
    where not l.granted and a.datname = current_database()`,
  )
  return rows[0].waiting
}
