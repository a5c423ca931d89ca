/** How messages that come change those on screen. */
import { isPerson, type Message } from '../relay/types.ts'
import type { Transcript } from './transcript.ts'

/**
 * The newer version of a message; the same object if nothing has changed. It stays whole once it was, and
 * taken back, which the relay may not know yet.
 */
export function merge(known: Message | undefined, { content_length, ...fresh }: Message): Message {
  if (known?.redacted) return known
  const wasWhole = known !== undefined && known.content_length === undefined
  const next =
    content_length === undefined
      ? fresh
      : wasWhole
        ? { ...fresh, content: known.content }
        : { ...fresh, content_length }
  return JSON.stringify(known) === JSON.stringify(next) && known ? known : next
}

/** Whether something may still become of a message of the person's own. */
export function isAwaited(message: Message): boolean {
  const { to, open, given, answered_by } = message
  return isPerson(message) && to !== undefined && (open || given) === true && !answered_by
}

/** Whether new messages change others: the person's answers close those to them, and other answers theirs. */
export function isOutdatedBy(news: Message[], known: Message[]): boolean {
  const byPerson = news.some(isPerson) && known.some(({ open }) => open)
  return byPerson || (news.some((each) => !isPerson(each)) && known.some(isAwaited))
}

/** The line above the first new message: it counts on until the person has been at the end. */
export function lineFor({ firstUnread, unreadCount, isCaughtUp }: Transcript, news: Message[]) {
  const first = news[0]?.seq
  if (first === undefined) return {}
  if (firstUnread !== undefined && !isCaughtUp) return { unreadCount: unreadCount + news.length }
  const isAway = document.hidden || !document.hasFocus()
  return isAway ? { firstUnread: first, unreadCount: news.length, isCaughtUp: false } : {}
}
