/**
 * Long histories of calls and deletions by hand, over more threads than an introduction shows, compared
 * with the model of the contract. The same model is held against the whole server in guarantees/.
 */
import { randomUUID } from 'node:crypto'
import * as fc from 'fast-check'
import type { DatabaseError } from 'pg'
import { expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { Contract } from '../guarantees/contract.ts'
import { type Args, type Step, stepsOver, type ToolName } from '../guarantees/histories.ts'
import { range, USER } from './calls.ts'

const THREADS = range(1, 13).map((n) => `thread ${n}`)

/** The model's name for a refusal, by the SQLSTATE. */
const REFUSALS: Record<string, string> = {
  RL001: 'not found',
  RL002: 'already exists',
  RL003: 'already belongs to another message',
  RL004: 'above the last seq',
  RL010: 'has no message',
}

/** Fields that only the relay can know, or that the Worker changes. */
const UNMODELLED = [
  'readers',
  'known_readers',
  'last_given_at',
  'now',
  'moved',
  'to_last_seen_at',
  'other_threads',
  'other_readers',
  'archived_count',
]

test.each([1, 2, 3])('history %i is answered as the contract says', async (seed) => {
  await using database = await createTestDatabase()
  const owner = await database.connect('postgres')
  const contract = new Contract({ isFull: true })
  const history = fc.sample(stepsOver(THREADS), { seed, numRuns: 400 })
  for (const [n, { name, args: given }] of history.entries()) {
    if (name === 'delete by hand') {
      await owner.query(DELETE, [given.thread_name, given.seq])
      contract.remove(given.thread_name, given.seq)
      continue
    }
    const { at, ...called } = given
    const since = given.since && contract.timeOf(at ?? given.thread_name, given.since)
    const args = since ? { ...called, since } : called
    const answer = await ask(database, name, args)
    const expected = contract.answerOf(name, args, answer)
    expect(answer, `call ${n}: ${describe(history.slice(0, n + 1))}`).toEqual(expected)
  }
})

const DELETE = `
  delete from relay_messages m using relay_threads t
  where t.id = m.thread_id and t.name = $1 and m.seq = $2
`

const describe = (history: Step[]) => history.map(String).join('')

async function ask(database: TestDatabase, tool: ToolName, args: Args): Promise<Args> {
  const passed = Object.entries(args).map(([name, value]) => [`p_${name}`, value])
  const id = tool === 'relay_post_message' ? { p_message_id: randomUUID() } : {}
  try {
    const given = { p_user_id: USER, ...id, ...Object.fromEntries(passed) }
    const { thread_id, ...answer } = await database.call(tool, given)
    const present = Object.entries({ ...answer, ...(answer.id && { thread_id }) })
    const kept = present.filter(([name, value]) => value !== null && !UNMODELLED.includes(name))
    return Object.fromEntries(kept)
  } catch (error) {
    const { code = '' } = error as DatabaseError
    if (!REFUSALS[code]) throw error
    return { refused: REFUSALS[code] }
  }
}
