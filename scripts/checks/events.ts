/** Checks MCP Events: whether the relay offers them, and reaches a receiver. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { DOCTOR_ORIGIN, doctorSocketOf, openDoctorReceiver } from '../local/doctor-receiver.ts'
import { type Check, expectThat, failed, ok, unknown } from './check.ts'
import { deploy, readLog } from './fixes.ts'
import { readDiagnosis, type Subject } from './subject.ts'

const NAME = 'message.posted'

/** Milliseconds for an event to arrive: an attempt takes at most four seconds, and the next comes after five. */
const PATIENCE = 15_000

const events: Check = {
  id: 'events',
  needs: ['era.legacy', 'database.grants'],
  why: 'Clients that are woken by the relay, such as ChatGPT, do not learn of new messages.',
  async look(subject) {
    if (!(await readDiagnosis(subject)).events) return ok('off (RELAY_EVENTS=0)')
    const { body } = await subject.relay.legacy('events/list')
    const [type] = body.result?.events ?? []
    if (type?.name !== NAME) {
      return failed(`events/list returned ${body.error?.message ?? 'no event'}`, deploy(subject))
    }
    return withReceiver(subject, async (_received, subscription) => {
      const ended = await subject.relay.legacy('events/unsubscribe', subscription)
      expectThat(ended.body.result !== undefined, 'an end of the subscription', ended.body)
      return ok('a receiver on this machine was reached')
    })
  },
}

/** For npm run smoke, which posts: to the thread of the other tools, which this opens again and archives. */
const eventDelivery: Check = {
  id: 'events.delivery',
  needs: ['events', 'tool-call'],
  why: events.why,
  look: (subject) =>
    withReceiver(subject, async (received, subscription) => {
      const thread_name = `${subject.scratch}-tools`
      const content = 'Test message of npm run smoke: nothing to do.'
      await subject.relay.call('relay_post_message', { thread_name, content, surface: 'code' })
      const came = () => received.find(({ data }) => data?.thread_name === thread_name)
      for (const end = Date.now() + PATIENCE; !came() && Date.now() < end; ) await sleep(20)
      await subject.relay.legacy('events/unsubscribe', subscription)
      await subject.relay.call('relay_archive_thread', { thread_name })
      return came() ? ok('a message was delivered') : failed('No event came.', readLog(subject))
    }),
}

/** Runs `look` with a receiver of our own that is subscribed. */
async function withReceiver(
  { home, relay }: Subject,
  look: (
    received: Awaited<ReturnType<typeof openDoctorReceiver>>['events'],
    subscription: object,
  ) => ReturnType<Check['look']>,
): ReturnType<Check['look']> {
  const path = home && doctorSocketOf(home.dataDirectory)
  if (!path) {
    return unknown('Offered. Not checked further: the doctor has no address on the internet.')
  }
  await using receiver = await openDoctorReceiver(path)
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const delivery = { mode: 'webhook', url: `${DOCTOR_ORIGIN}/`, secret }
  const subscription = { name: NAME, delivery }
  const { body } = await relay.legacy('events/subscribe', subscription)
  expectThat(body.result !== undefined, 'a subscription', body.error?.message)
  return await look(receiver.events, subscription)
}

export const eventChecks = [events]
export const eventSmokeChecks = [eventDelivery]
