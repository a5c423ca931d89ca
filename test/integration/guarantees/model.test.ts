/**
 * Generated histories through the whole server: one call after the other, each answered exactly as the
 * contract says; and overlapping on parallel connections, where whatever the order was, every reader
 * must have received every message once. FUZZ_SEED=<number> takes other histories.
 */
import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import type { Pool } from 'pg'
import { expect, test } from 'vitest'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { over } from './callers.ts'
import { Contract } from './contract.ts'
import { type Args, interleavings, SEED, type Step, stepsOver, type ToolName } from './histories.ts'
import { interleave } from './interleaving.ts'
import { expectKeptAndGiven, openThread } from './verdict.ts'
import { createRelayOver, startWire, type Wire } from './wire.ts'

/** relay_check_new with the cursor of relay-mcp 0.1.0. */
const CLOCK_CURSOR = readFileSync(new URL('clock-cursor.sql', import.meta.url), 'utf8')

/** Fewer histories on a slow machine, rather than a longer wait. */
const BOUNDS = { seed: SEED, interruptAfterTimeLimit: 10_000 }

test('calls one after the other are answered as the contract says', async () => {
  const { database } = await createTestRelay()
  const owner = database.pool(1, 'postgres')
  const commands = fc.commands([stepsOver(['a', 'ab', 'b']).map((step) => new Asked(step))], {
    maxCommands: 60,
    size: 'max',
    disableReplayLog: true,
  })
  const history = fc.asyncProperty(commands, async (calls) => {
    await using relay = await createTestRelay()
    const start = async () => ({ model: new Contract(), real: { relay, owner } })
    await fc.asyncModelRun(start, calls)
  })
  await fc.assert(history, { ...BOUNDS, numRuns: 25 })
})

interface Real {
  relay: TestRelay
  owner: Pool
}

/** A call whose answer is held against the contract's. */
class Asked implements fc.AsyncCommand<Contract, Real> {
  readonly step: Step

  constructor(step: Step) {
    this.step = step
  }

  check(): boolean {
    return true
  }

  async run(contract: Contract, { relay, owner }: Real): Promise<void> {
    const { name, args: given } = this.step
    if (name === 'delete by hand') {
      await owner.query(DELETE, [given.thread_name, given.seq])
      contract.remove(given.thread_name, given.seq)
      return
    }
    const { at, ...called } = given
    const since = given.since && contract.timeOf(at ?? given.thread_name, given.since)
    const args = since ? { ...called, since } : called
    const answer = await ask(relay, name, args)
    expect(answer).toEqual(contract.answerOf(name, args, answer))
  }

  toString(): string {
    return `${this.step}`
  }
}

const DELETE = `
  delete from relay_messages m using relay_threads t
  where t.id = m.thread_id and t.name = $1 and m.seq = $2
`

const REFUSALS = [
  'not found',
  'already exists',
  'already belongs to another message',
  'above the last seq',
  'has no message',
]

async function ask(relay: TestRelay, tool: ToolName, args: Args) {
  const { isError, content, structuredContent } = await relay.callFaithfully(tool, args)
  if (isError) {
    const { text } = content[0]
    return { refused: REFUSALS.find((words) => text.includes(words)) ?? text }
  }
  // Who else reads and when, and what a name resembles, is tested elsewhere.
  const {
    note,
    readers,
    known_readers,
    last_given_at,
    to_last_seen_at,
    similar_thread,
    next_before,
    archived_count,
    ...answer
  } = structuredContent
  return answer
}

test('calls that overlap lose nothing and repeat nothing', async () => {
  await using wire = await startWire()
  await using relay = await createRelayOver(wire)
  await fc.assert(await interleaving(relay, wire), { ...BOUNDS, numRuns: 40 })
})

test('with a cursor that moves by the clock, a message is found to be lost', {
  timeout: 60_000,
}, async () => {
  await using wire = await startWire()
  await using relay = await createRelayOver(wire)
  const owner = await relay.database.connect('postgres')
  await owner.query(CLOCK_CURSOR)
  // Found in the 10th on average.
  const once = { seed: SEED, numRuns: 200, endOnFailure: true }
  const found = await fc.check(await interleaving(relay, wire), once)
  expect(`${found.errorInstance}`).toMatch(/never received|receives each message once/)
})

async function interleaving(relay: TestRelay, wire: Wire) {
  const owner = relay.database.pool(1, 'postgres')
  const observer = await relay.database.connect()
  return fc.asyncProperty(interleavings, async (calls) => {
    // With all that hangs on them; to truncate takes ten times as long.
    await owner.query('delete from relay_threads; delete from relay_readers')
    await openThread(over(relay))
    await expectKeptAndGiven(relay, await interleave(relay, wire, observer, calls))
  })
}
