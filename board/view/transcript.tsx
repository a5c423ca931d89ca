/** The messages of the open thread, and where the person is in them. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { isPerson, type Message as MessageData } from '../relay/types.ts'
import { today } from '../state/clock.ts'
import { posted } from '../state/outbox.ts'
import { outbox } from '../state/outbox-store.ts'
import { findUnseen } from '../state/read-state.ts'
import { route } from '../state/route.ts'
import { findThread } from '../state/threads.ts'
import {
  jumpToEnd,
  loadNewer,
  loadOlder,
  markNew,
  noteCaughtUp,
  type Transcript,
} from '../state/transcript.ts'
import { CHUNK, Chunk, ifWithin, useChunks } from './chunk.tsx'
import { usePlace, useReading } from './following.ts'
import { Icon } from './icons.tsx'
import { Pending } from './pending.tsx'
import {
  type Anchor,
  findAnchor,
  findLastVisible,
  goToEnd,
  goToPlace,
  isAtEnd,
  moveFocus,
  restoreAnchor,
  scrollTo,
  settle,
} from './scrolling.ts'

/** Pixels from an end at which the next page is loaded. */
const NEAR = 800

export function TranscriptView({ open }: { open: Transcript }) {
  const { name, messages, olderCount, hasNewer, aim } = open
  const scroll = useRef<HTMLDivElement>(null)
  const wasAtEnd = useRef(true)
  /** The message up to which nothing holds the view back on its way to the end. */
  const passed = useRef(0)
  const isAiming = useRef(false)
  const drawn = useRef(messages)
  const anchor = useRef<Anchor | undefined>(undefined)
  // Measured before the new messages are in the page.
  if (drawn.current !== messages) {
    drawn.current = messages
    anchor.current = scroll.current ? findAnchor(scroll.current) : undefined
  }
  const [below, setBelow] = useState({ isFar: false, unseen: 0 })
  const chunks = useChunks(open)
  const to = route.value
  const seq = to.at === 'thread' ? to.seq : undefined
  const pending = outbox.value.filter((each) => each.thread === name)

  const watch = useReading()
  const onDrawn = useCallback((chunk: Element) => {
    watch(chunk)
    // Its height was only an estimate until now.
    if (wasAtEnd.current && scroll.current) scroll.current.scrollTop = scroll.current.scrollHeight
  }, [])
  const keep = usePlace(scroll, wasAtEnd)

  const onScroll = () => {
    const box = scroll.current
    if (!box) return
    const isThere = isAtEnd(box) && !hasNewer
    // Going to the end passes over the messages above it.
    if (isThere && !wasAtEnd.current) passed.current = messages.at(-1)?.seq ?? 0
    wasAtEnd.current = isThere
    if (isThere) noteCaughtUp()
    keep()
    setBelow((known) => {
      const next = look(box, messages, wasAtEnd.current)
      return next.isFar === known.isFar && next.unseen === known.unseen ? known : next
    })
    if (box.scrollTop < NEAR && olderCount > 0) void loadOlder()
    if (hasNewer && box.scrollHeight - box.scrollTop - box.clientHeight < NEAR) void loadNewer()
  }

  // A new thread or address: its message, else the end.
  useLayoutEffect(() => {
    const box = scroll.current
    if (!box) return
    const at = box.querySelector<HTMLElement>(`[data-seq="${aim.seq}"]`)
    const to = route.peek()
    const isAddress = to.at === 'thread' && to.seq !== undefined
    isAiming.current = true
    passed.current = messages.at(-1)?.seq ?? 0
    const isWriting = document.activeElement?.id === 'write'
    if (at && isAddress && !isWriting) at.focus({ preventScroll: true })
    return settle(() => {
      if (at && aim.top !== undefined) goToPlace(box, at, aim.top)
      else if (at) scrollTo(box, at, isAddress)
      else box.scrollTop = box.scrollHeight
      wasAtEnd.current = isAtEnd(box) && !hasNewer
      return box.scrollTop
    })
  }, [aim])

  // More messages: stay at the end, unless that would pass over some, or where one was.
  useLayoutEffect(() => {
    const box = scroll.current
    if (!box) return
    // The effect before this one has decided where to be.
    const isNewPlace = isAiming.current
    isAiming.current = false
    if (isNewPlace) return
    if (!wasAtEnd.current) return restoreAnchor(box, anchor.current)
    const unseen = findUnseen(passed.current)
    return settle(() => {
      if (goToEnd(box, unseen) && unseen !== undefined && !isAtEnd(box)) {
        wasAtEnd.current = false
        markNew(unseen)
      }
      return box.scrollTop
    })
  }, [messages, pending.length, aim])

  // Who writes wants to see it; a post from another tab moves nothing here.
  const postedBefore = useRef(posted.value)
  useEffect(() => {
    if (posted.value > postedBefore.current) void toEnd(scroll.current)
    postedBefore.current = posted.value
  }, [posted.value])

  // Back in the window, with everything in sight.
  useEffect(() => {
    addEventListener('focus', onScroll)
    return () => removeEventListener('focus', onScroll)
  })

  // A transcript that fits the screen cannot be scrolled, so nothing would ask for more.
  useEffect(onScroll, [messages, hasNewer])

  return (
    <>
      <div
        class="scroll"
        ref={scroll}
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={moveFocus}
        role="group"
        aria-label="Messages of this thread"
      >
        <div class="col feed" role="log" aria-live="off" aria-label="Messages">
          {messages.length > 0 && (
            <p class="printed" aria-hidden="true">
              {describeRange(messages.length, olderCount, findThread(name)?.message_count)}
            </p>
          )}
          {olderCount > 0 && (
            <p class="older">
              <button class="btn small quiet" type="button" onClick={() => void loadOlder()}>
                {olderCount.toLocaleString()} earlier messages
              </button>
            </p>
          )}
          {chunks.map((chunk, i) => (
            <Chunk
              key={Math.floor((chunk[0]?.seq ?? 0) / CHUNK)}
              thread={name}
              messages={chunk}
              before={chunks[i - 1]?.at(-1)}
              firstUnread={ifWithin(open.firstUnread, chunk)}
              unreadCount={open.unreadCount}
              target={ifWithin(seq, chunk)}
              isKept={ifWithin(aim.seq, chunk) !== undefined}
              onDrawn={onDrawn}
              today={today.value}
            />
          ))}
          {pending.map((each) => (
            <Pending key={each.key} message={each} />
          ))}
          {messages.length === 0 && pending.length === 0 && (
            <p class="none">No messages yet. Write the first one below.</p>
          )}
        </div>
      </div>
      {(below.isFar || below.unseen > 0 || hasNewer) && (
        <div class="pill-place">
          <button class="btn pill" type="button" onClick={() => toEnd(scroll.current)}>
            {below.unseen > 0 && !hasNewer ? `${below.unseen.toLocaleString()} new` : 'Latest'}
            <Icon name="down" />
          </button>
        </div>
      )}
    </>
  )
}

/** Which messages of the thread these are, for a print of them; nothing when they are all. */
function describeRange(count: number, olderCount: number, total = 0): string {
  if (total <= count) return ''
  const [first, last] = [olderCount + 1, olderCount + count].map((each) => each.toLocaleString())
  return `Messages ${first}–${last} of ${total.toLocaleString()}`
}

/** Whether more than a screen is below, and how many messages there were not seen. */
function look(box: HTMLElement, messages: MessageData[], isThere: boolean) {
  const { scrollHeight, scrollTop, clientHeight } = box
  const isFar = scrollHeight - scrollTop - clientHeight > clientHeight
  const unseen = isThere ? undefined : findUnseen()
  if (unseen === undefined) return { isFar, unseen: 0 }
  const last = Math.max(unseen - 1, findLastVisible(box))
  return { isFar, unseen: messages.filter((each) => each.seq > last && !isPerson(each)).length }
}

async function toEnd(box: HTMLElement | null): Promise<void> {
  await jumpToEnd()
  if (box) box.scrollTop = box.scrollHeight
}
