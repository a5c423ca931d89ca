import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { announce, nextPause, Wait } from '../../../src/tools/wait.ts'

// No pause of a wait ends by itself.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }))

const open = new Set<Wait>()
afterEach(() => {
  for (const wait of open) wait.stop()
  open.clear()
  vi.useRealTimers()
})

/** The pauses of a wait, in seconds, when each look at the database takes `look` seconds. */
function listPauses(seconds: number, look = 0): number[] {
  const pauses: number[] = []
  for (let waited = 0; ; ) {
    const pause = nextPause(waited * 1000, seconds * 1000) / 1000
    if (pause <= 0) return pauses
    pauses.push(pause)
    waited += pause + look
  }
}

const sum = (pauses: number[]) => pauses.reduce((total, pause) => total + pause, 0)

test.each([[0], [1], [2], [20], [21], [30], [45]])(
  'a wait of %i seconds lasts that long',
  (seconds) => {
    expect(sum(listPauses(seconds))).toBe(seconds)
  },
)

test('a wait looks every second for five seconds, then every two, 26 times in all', () => {
  const longest = listPauses(45)
  expect(longest.slice(0, 5)).toEqual(Array(5).fill(1))
  expect(longest.slice(5).every((pause) => pause === 2)).toBe(true)
  expect(longest.length + 1).toBe(26)
})

test.each([[0.5], [2], [7]])('when a look takes %d seconds, only the last one is late', (look) => {
  const pauses = listPauses(45, look)
  expect(sum(pauses) + pauses.length * look).toBeLessThanOrEqual(45 + look)
})

interface Waiter {
  wait: Wait
  looks: number
}

/** A call that waits, and looks when it is woken; with `held`, its look does not end. */
function waiter(
  reader_tag: string,
  {
    held = false,
    ...args
  }: Partial<ConstructorParameters<typeof Wait>[0]> & { held?: boolean } = {},
): Waiter {
  const wait = new Wait({ reader_tag, peek: false, wait_seconds: 45, ...args })
  open.add(wait)
  const self = { wait, looks: 0 }
  const { signal } = new AbortController()
  const run = async () => {
    while (await wait.untilNextLook(signal)) {
      self.looks += 1
      if (held) return
    }
  }
  void run()
  return self
}

async function looksAfter(waiters: Waiter[], ...posts: Partial<Parameters<typeof announce>[0]>[]) {
  for (const post of posts) {
    announce({ thread_name: 'a', from: undefined, to: undefined, ...post })
    await setImmediate()
  }
  return waiters.map(({ looks }) => looks)
}

test('of 500 waiting readers, a post wakes those that it concerns', async () => {
  const elsewhere = Array.from({ length: 497 }, (_, n) => waiter(`r${n}`, { thread_name: `t${n}` }))
  const concerned = [
    waiter('all'),
    waiter('thread', { thread_name: 'Release Notes' }),
    waiter('you', { thread_name: 'asked' }),
  ]
  const looks = await looksAfter([...elsewhere, ...concerned], {
    thread_name: 'release-notes',
    to: 'You',
  })
  expect(looks).toEqual([...Array(497).fill(0), 1, 1, 1])
})

test('an own post wakes only its addressee', async () => {
  const waiters = [waiter('me'), waiter('you', { thread_name: 'other' })]
  expect(await looksAfter(waiters, { from: 'me', to: 'you' })).toEqual([0, 1])
  expect(await looksAfter(waiters, { from: 'me', to: 'me' })).toEqual([1, 1])
})

test('of the waits of one reader one is woken, and each of those that only look', async () => {
  const all = waiter('me')
  const named = waiter('me', { thread_name: 'a' })
  const boards = [waiter('board', { peek: true }), waiter('board', { peek: true })]
  expect(await looksAfter([all, named, ...boards], {})).toEqual([0, 1, 1, 1])
})

test('at most eight look at a time, the addressee first, and the rest as these end', async () => {
  const others = Array.from({ length: 9 }, (_, n) => waiter(`r${n}`, { held: true }))
  const addressee = waiter('you', { held: true })
  const looks = await looksAfter([...others, addressee], { to: 'you' })
  expect(looks).toEqual([...Array(7).fill(1), 0, 0, 1])
  addressee.wait.stop()
  await setImmediate()
  expect(others.map((each) => each.looks)).toEqual([...Array(8).fill(1), 0])
  // A look whose request was ended from outside does not keep its place.
  vi.setSystemTime(Date.now() + 11_000)
  expect((await looksAfter(others, {}))[8]).toBe(1)
})

test('a wait is woken ten times at most, and not after its end', async () => {
  const one = waiter('me')
  const posts = Array.from({ length: 12 }, () => ({}))
  expect(await looksAfter([one], ...posts)).toEqual([10])
  const over = waiter('you', { wait_seconds: 5, held: true })
  vi.setSystemTime(Date.now() + 6_000)
  expect(await looksAfter([over], {})).toEqual([0])
})

test('a post between a look and its pause is not missed', async () => {
  const wait = new Wait({ reader_tag: 'me', peek: false, wait_seconds: 45 })
  open.add(wait)
  announce({ thread_name: 'a', from: 'you', to: undefined })
  expect(await wait.untilNextLook(new AbortController().signal)).toBe(true)
})
