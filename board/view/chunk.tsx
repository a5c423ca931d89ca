/** Runs of messages: drawn again only when one of them has changed, and out of the page while far from the screen. */
import { Fragment } from 'preact'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { isReadOnly } from '../relay/sign-in.ts'
import { isPerson, type Message as MessageData, nameOf } from '../relay/types.ts'
import { answer, lineOf } from '../state/answering.ts'
import { settle } from '../state/taking-back.ts'
import { showWhole, type Transcript, transcript } from '../state/transcript.ts'
import { dayOf, formatDay } from '../text/time.ts'
import { messageActions } from './actions.tsx'
import { memo } from './memo.ts'
import { Message } from './message.tsx'
import { useNear } from './nearness.ts'
import { receiptFor } from './receipt.tsx'

/** Minutes within which two messages of one author share a head. */
const CONTINUED = 5 * 60_000

/** Messages after which the name is said again. */
const LONGEST_RUN = 9

/** Messages that are drawn, and out of the page while they are far from the screen, together. */
export const CHUNK = 50

/** Pixels of a typical message, for chunks that were never on screen. */
const TYPICAL = 96

interface ChunkProps {
  thread: string
  /** The same array as long as its messages are the same. */
  messages: MessageData[]
  /** The message before these. */
  before: MessageData | undefined
  firstUnread: number | undefined
  unreadCount: number
  /** The message that the address means, if it is one of these. */
  target: number | undefined
  /** Whether its messages stay in the page, because the view goes to one of them. */
  isKept: boolean
  /** Called with its element when its messages are in the page. */
  onDrawn: (chunk: Element) => void
  /** The start of today: the names of days change with it. */
  today: number
}

/** The chunks of the window; those that have not changed keep their arrays, and so are not drawn again. */
export function useChunks({ name, messages }: Transcript): MessageData[][] {
  const known = useRef(new Map<string, MessageData[]>())
  return useMemo(() => {
    const chunks = Map.groupBy(messages, ({ seq }) => `${name} ${Math.floor(seq / CHUNK)}`)
    for (const [key, chunk] of chunks) {
      const old = known.current.get(key)
      const isSame = old?.length === chunk.length && chunk.every((each, i) => each === old[i])
      if (old && isSame) chunks.set(key, old)
    }
    known.current = chunks
    return [...chunks.values()]
  }, [messages])
}

export const Chunk = memo((props: ChunkProps) => {
  const { thread, messages, before, firstUnread, unreadCount, target, today } = props
  const { part, height, onFocusOut } = useNear()
  const isAway = height !== undefined && !props.isKept
  useEffect(() => {
    if (part.current && !isAway) props.onDrawn(part.current)
  }, [messages, isAway])
  if (isAway) return <div class="chunk" ref={part} style={{ height: `${height}px` }} />
  let run = 0
  return (
    <div
      class="chunk"
      ref={part}
      style={{ containIntrinsicSize: `auto ${messages.length * TYPICAL}px` }}
      onFocusOut={onFocusOut}
    >
      {messages.map((message, i) => {
        const last = messages[i - 1] ?? before
        const isNewDay = !last || dayOf(last.created_at) !== dayOf(message.created_at)
        const isFirstNew = message.seq === firstUnread
        const isContinued =
          i > 0 && run < LONGEST_RUN && !isNewDay && !isFirstNew && continues(last, message)
        run = isContinued ? run + 1 : 0
        return (
          <Fragment key={message.seq}>
            {i === 0 && !isNewDay && !isFirstNew && (
              // The heading of the day ends with the chunk that it is in.
              <p class="day" aria-hidden="true">
                {formatDay(message.created_at, today)}
              </p>
            )}
            {(isNewDay || isFirstNew) && (
              <h3 class={isFirstNew ? 'day new' : 'day'}>
                {formatDay(message.created_at, today)}
                {isFirstNew && <b>{unreadCount.toLocaleString()} new</b>}
              </h3>
            )}
            <Message
              message={message}
              thread={thread}
              {...quotedBy(message)}
              receipt={receiptFor}
              isContinued={isContinued}
              isTarget={message.seq === target}
              onWhole={showWhole}
              actionsFor={messageActions}
              {...(!isReadOnly.value && { onDone: settle, onAnswer: answer })}
            />
          </Fragment>
        )
      })}
    </div>
  )
})

/** Author and beginning of the message that another answers, if it is in the window. */
function quotedBy({ reply_to }: MessageData) {
  if (reply_to === undefined) return {}
  const quoted = transcript.peek()?.messages.find(({ seq }) => seq === reply_to)
  return quoted && { quotedName: nameOf(quoted), quotedLine: lineOf(quoted) }
}

/** A seq, if it is of one of these messages: the other chunks need not know it. */
export function ifWithin(seq: number | undefined, chunk: MessageData[]): number | undefined {
  return seq !== undefined && chunk.some((each) => each.seq === seq) ? seq : undefined
}

/** A heading or a bold line, which could stand for the name of another author. */
const LIKE_A_NAME = /^\s*(#{1,6}\s|\*\*|__|<)|^[^\n]*\n *(-+|=+) *(\n|$)/

function continues(before: MessageData, message: MessageData): boolean {
  return (
    message.reply_to === undefined &&
    !LIKE_A_NAME.test(message.content) &&
    nameOf(before) === nameOf(message) &&
    isPerson(before) === isPerson(message) &&
    before.surface === message.surface &&
    before.session_tag === message.session_tag &&
    before.via === message.via &&
    before.to === message.to &&
    Date.parse(message.created_at) - Date.parse(before.created_at) < CONTINUED
  )
}
