/** The key of npm start is rotated: which subscriptions outlive it. */
import { expect, test } from 'vitest'
import { createHome } from '../../support/home.ts'
import { clientOf } from '../../support/relay.ts'
import { startReceiver } from './receiver-at-home.ts'

test('a subscription that was not renewed since ends with the previous key', async () => {
  await using receiver = await startReceiver()
  await using home = createHome()
  const { url } = await home.start({ RELAY_API_KEY: undefined, RELAY_EVENT_HOSTS: receiver.url })
  const relay = () => clientOf(url, home.kept().RELAY_API_KEY)
  const subscribe = async (thread_name: string) => {
    const params = { name: 'message.posted', arguments: { thread_name }, ...receiver.delivery }
    const { body } = await relay().rpc({
      jsonrpc: '2.0',
      id: 1,
      method: 'events/subscribe',
      params,
    })
    return body.result.id
  }
  const post = (thread_name: string) =>
    relay().call('relay_post_message', { thread_name, surface: 'code', content: 'x' })
  const listTargets = async () => {
    const response = await relay().fetch('/manage', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${home.kept().RELAY_API_KEY}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ action: 'list_targets' }),
    })
    return ((await response.json()) as { targets: object[] }).targets
  }
  const got = () => receiver.got.map(({ body }) => `${body.data.thread_name} ${body.data.seq}`)
  const kept = await subscribe('kept')
  await subscribe('lost')

  expect(await home.command('rotate', ['--home'])).toMatchObject({ code: 0 })
  await post('kept')
  await expect.poll(got).toEqual(['kept 1'])
  await post('lost')
  await expect.poll(got).toEqual(['kept 1', 'lost 1'])
  expect(await subscribe('kept')).toBe(kept)

  expect(await home.command('rotate', ['--home', '--finish'])).toMatchObject({ code: 0 })
  await post('lost')
  await post('kept')
  await expect.poll(got).toEqual(['kept 1', 'lost 1', 'kept 2'])
  await expect.poll(listTargets).toMatchObject([{ id: kept, thread_name: 'kept' }])
})
