/** The messages of the open thread, and where the person is in them. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Message as MessageData } from '../relay/types.ts'
import { today } from '../state/clock.ts'
import { outbox, posted } from '../state/outbox.ts'
import { createReadObserver, stopReading } from '../state/read-state.ts'
import { route } from '../state/route.ts'
import { findThread } from '../state/threads.ts'
import { arrived, jumpToEnd, loadNewer, loadOlder, type Transcript } from '../state/transcript.ts'
import { CHUNK, Chunk, ifWithin, useChunks } from './chunk.tsx'
import { Icon } from './icons.tsx'
import { Pending } from './pending.tsx'
import {
  type Anchor,
  findAnchor,
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
  const drawn = useRef(messages)
  const anchor = useRef<Anchor | undefined>(undefined)
  // Measured before the new messages are in the page.
  if (drawn.current !== messages) {
    drawn.current = messages
    anchor.current = scroll.current ? findAnchor(scroll.current) : undefined
  }
  const [unseen, setUnseen] = useState(0)
  const seenArrivals = useRef(arrived.value)
  const chunks = useChunks(open)
  const to = route.value
  const seq = to.at === 'thread' ? to.seq : undefined
  const pending = outbox.value.filter((each) => each.thread === name)

  useReading(scroll, messages)

  const onScroll = () => {
    const box = scroll.current
    if (!box) return
    wasAtEnd.current = isAtEnd(box) && !hasNewer
    if (wasAtEnd.current) setUnseen(0)
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
    setUnseen(0)
    if (at && isAddress) at.focus({ preventScroll: true })
    return settle(() => {
      if (at) scrollTo(box, at, isAddress)
      else box.scrollTop = box.scrollHeight
      wasAtEnd.current = isAtEnd(box) && !hasNewer
      return box.scrollTop
    })
  }, [aim])

  // More messages: stay at the end, or where one was.
  useLayoutEffect(() => {
    const box = scroll.current
    if (!box) return
    if (wasAtEnd.current) box.scrollTop = box.scrollHeight
    else restoreAnchor(box, anchor.current)
  }, [messages, pending.length])

  // Who writes wants to see it; a post from another tab moves nothing here.
  const postedBefore = useRef(posted.value)
  useEffect(() => {
    if (posted.value > postedBefore.current) void toEnd(scroll.current)
    postedBefore.current = posted.value
  }, [posted.value])

  // A phone's keyboard, or a field that grows, takes its room from the end.
  useEffect(() => {
    const box = scroll.current
    if (!box) return
    const observer = new ResizeObserver(() => {
      if (wasAtEnd.current) box.scrollTop = box.scrollHeight
    })
    observer.observe(box)
    return () => observer.disconnect()
  }, [])

  useEffect(() => {
    const added = arrived.value - seenArrivals.current
    seenArrivals.current = arrived.value
    if (added > 0 && !wasAtEnd.current) setUnseen((count) => count + added)
  }, [arrived.value])

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
      {(unseen > 0 || hasNewer) && (
        <div class="pill-place">
          <button class="btn pill" type="button" onClick={() => toEnd(scroll.current)}>
            <Icon name="down" />
            {describeNews(unseen, hasNewer, open)}
          </button>
        </div>
      )}
    </>
  )
}

function describeNews(unseen: number, hasNewer: boolean, { name, messages }: Transcript): string {
  const below = (findThread(name)?.latest?.seq ?? 0) - (messages.at(-1)?.seq ?? 0)
  if (hasNewer) return below > 0 ? `${below.toLocaleString()} newer` : 'To the latest'
  return `${unseen} new ${unseen === 1 ? 'message' : 'messages'}`
}

async function toEnd(box: HTMLElement | null): Promise<void> {
  await jumpToEnd()
  if (box) box.scrollTop = box.scrollHeight
}

/** Watches which messages are on screen. */
function useReading(scroll: { current: HTMLElement | null }, messages: MessageData[]): void {
  const observer = useRef<IntersectionObserver | undefined>(undefined)
  const watched = useRef(new WeakMap<Element, number>())
  useEffect(() => () => observer.current && stopReading(observer.current), [])
  useEffect(() => {
    if (!scroll.current) return
    observer.current ??= createReadObserver(scroll.current)
    for (const chunk of scroll.current.querySelectorAll('.chunk')) {
      const key = chunk.childElementCount
      if (watched.current.get(chunk) === key) continue
      watched.current.set(chunk, key)
      // An element that is watched already stays so.
      for (const element of chunk.querySelectorAll('.msg')) observer.current.observe(element)
    }
  }, [messages])
}
