/** How many calls of one function the local gateway runs at a time. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Slot, Slots } from '../../../scripts/local/supabase/slots.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const PATIENCE = 10_000

/** Takes a number of slots, and counts those it got. */
function take(slots: Slots, count: number) {
  const given: (Slot | undefined)[] = []
  for (let n = 0; n < count; n += 1) slots.take(PATIENCE).then((slot) => given.push(slot))
  return given
}

test('few calls run while they are quick, each in its turn', async () => {
  const slots = new Slots({ few: 2, many: 10 })
  const given = take(slots, 5)
  await vi.advanceTimersByTimeAsync(1)
  expect(given).toHaveLength(2)

  // Each ends after 20 ms.
  for (const running of [3, 4, 5]) {
    await vi.advanceTimersByTimeAsync(10)
    slots.release(given[running - 3] as Slot)
    await vi.advanceTimersByTimeAsync(0)
    expect(given).toHaveLength(running)
  }
})

test('more may start when the oldest takes long, and no more than the limit', async () => {
  const slots = new Slots({ few: 2, many: 4 })
  const given = take(slots, 6)
  await vi.advanceTimersByTimeAsync(20)
  expect(given).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(20)
  expect(given).toHaveLength(4)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(given).toHaveLength(4)

  slots.release(given[3] as Slot)
  await vi.advanceTimersByTimeAsync(0)
  expect(given).toHaveLength(5)
})

test('afterwards few run again', async () => {
  const slots = new Slots({ few: 1, many: 3 })
  const given = take(slots, 3)
  await vi.advanceTimersByTimeAsync(50)
  expect(given).toHaveLength(3)
  for (const slot of given.splice(0)) slots.release(slot as Slot)

  const later = take(slots, 2)
  await vi.advanceTimersByTimeAsync(10)
  expect(later).toHaveLength(1)
})

test('a request that has waited too long is refused, and takes no slot', async () => {
  const slots = new Slots({ few: 1, many: 1 })
  const given = take(slots, 2)
  await vi.advanceTimersByTimeAsync(PATIENCE + 50)
  expect(given).toEqual([expect.anything(), undefined])

  slots.release(given[0] as Slot)
  expect(await slots.take(PATIENCE)).toBeDefined()
  expect(vi.getTimerCount()).toBe(0)
})
