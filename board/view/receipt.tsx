/** Whether a message that the person sent to a reader waits, was seen, or was answered. */
import { relayNow } from '../relay/client.ts'
import { type Message, nameOfTag } from '../relay/types.ts'
import { minute } from '../state/clock.ts'
import { formatRoute } from '../state/route.ts'
import { readers } from '../state/threads.ts'
import { formatAge } from '../text/time.ts'
import { isNow } from './addressee.tsx'
import { Icon } from './icons.tsx'
import { Name } from './text.tsx'

interface ReceiptProps {
  thread: string
  message: Message
  to: string
}

export function receiptFor(thread: string, message: Message) {
  const { to, given, redacted } = message
  if (to === undefined || given === undefined || redacted) return null
  return <Receipt thread={thread} message={message} to={to} />
}

function Receipt({ thread, message, to }: ReceiptProps) {
  const { given, answered_by, open } = message
  const name = <Name>{nameOfTag(to)}</Name>
  if (answered_by !== undefined) {
    return (
      <p class="receipt">
        <Icon name="reply" />
        <span>
          Answered in{' '}
          <a href={formatRoute({ at: 'thread', name: thread, seq: answered_by })}>#{answered_by}</a>
        </span>
      </p>
    )
  }
  if (given) {
    return (
      <p class="receipt">
        <Icon name="check" />
        <span>Seen by {name}</span>
      </p>
    )
  }
  // After a month, or when the person has marked it as done.
  if (!open) return null
  return (
    <p class="receipt">
      <Icon name="clock" />
      <span>
        Waiting for {name}, {describeSeen(to)}
      </span>
    </p>
  )
}

function describeSeen(tag: string): string {
  const now = relayNow() + 0 * minute.value
  const seen = readers.value.find(({ reader_tag }) => reader_tag === tag)?.last_seen_at
  if (!seen) return 'which has not been seen yet'
  return isNow(seen, now) ? 'live now' : `last seen ${formatAge(seen, now)} ago`
}
