/** A reader of the output that goes away, such as `head` or a terminal that is closed. */
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { call, createHome } from '../../support/home.ts'

test('the relay continues when no one reads its output any more', async () => {
  await using home = createHome()
  const relay = await home.start()
  relay.closeOutput()
  for (const n of [1, 2, 3]) {
    const { isError } = await call(relay.url, 'relay_post_message', {
      thread_name: 'closed',
      surface: 'code',
      content: `message ${n}`,
    })
    expect(isError).toBeUndefined()
  }
  // It notices a lost reader when it next writes, which a restart of the Worker makes it do as well.
  const [, worker = 0] = home.children()
  process.kill(worker, 'SIGKILL')
  await expect.poll(async () => (await fetch(`${relay.url}/health`)).status).toBe(200)
  relay.kill('SIGINT')
  expect(await relay.exit).toBe(0)
})

test('other commands end quietly when their reader is gone', async () => {
  await using home = createHome()
  await home.start({ RELAY_API_KEY: undefined })
  for (const [name, ...args] of [
    ['doctor', '--verbose'],
    ['smoke'],
    ['status'],
    ['export', '-'],
    ['export', '--help'],
  ] as [string, ...string[]][]) {
    const child = home.begin(name, args)
    child.stdout.destroy()
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect(said, name).toBe('')
    expect(code, name).toBe(1)
  }
})
