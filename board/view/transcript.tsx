/** The messages of the open thread, and where the person is in them. */
import { Fragment } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { relayNow } from '../relay/client.ts'
import { isPerson, type Message as MessageData, nameOf } from '../relay/types.ts'
import { outbox } from '../state/outbox.ts'
import { createReadObserver } from '../state/read-state.ts'
import { route } from '../state/route.ts'
import { findThread } from '../state/threads.ts'
import {
  arrived,
  jumpToEnd,
  loadNewer,
  loadOlder,
  showWhole,
  type Transcript,
} from '../state/transcript.ts'
import { dayOf, formatDay } from '../text/time.ts'
import { Icon } from './icons.tsx'
import { Message } from './message.tsx'
import { Pending } from './pending.tsx'

/** Pixels from an end at which the next page is loaded, and from the last message that count as there. */
const NEAR = 800
const AT_END = 80

/** Minutes within which two messages of one author share a head. */
const CONTINUED = 5 * 60_000

/** Whether the last message can be seen, so that a new one may scroll into view. */
function isAtEnd({ scrollHeight, scrollTop, clientHeight }: Element): boolean {
  return scrollHeight - scrollTop - clientHeight < AT_END
}

/** Safari keeps no position by itself when something is inserted above. */
const keepsPosition = CSS.supports('overflow-anchor', 'auto')

export function TranscriptView({ open }: { open: Transcript }) {
  const { name, messages, olderCount, hasNewer, aim } = open
  const scroll = useRef<HTMLDivElement>(null)
  const wasAtEnd = useRef(true)
  const anchor = useRef<{ seq: string; top: number } | undefined>(undefined)
  const [unseen, setUnseen] = useState(0)
  const seenArrivals = useRef(arrived.value)
  const pending = outbox.value.filter((each) => each.thread === name)

  useReading(scroll, messages)

  const onScroll = () => {
    const box = scroll.current
    if (!box) return
    wasAtEnd.current = isAtEnd(box) && !hasNewer
    if (wasAtEnd.current) setUnseen(0)
    if (box.scrollTop < NEAR && olderCount > 0) void loadOlder()
    if (hasNewer && box.scrollHeight - box.scrollTop - box.clientHeight < NEAR) void loadNewer()
    if (!keepsPosition) anchor.current = findAnchor(box)
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
    else if (!keepsPosition) restoreAnchor(box, anchor.current)
  }, [messages, pending.length])

  useEffect(() => {
    const added = arrived.value - seenArrivals.current
    seenArrivals.current = arrived.value
    if (added > 0 && !wasAtEnd.current) setUnseen((count) => count + added)
  }, [arrived.value])

  // What fits the screen leaves nothing to scroll, so nothing would ask for more.
  useEffect(onScroll, [messages])

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
        <div class="col feed" role="log" aria-label="Messages">
          {olderCount > 0 && (
            <p class="older">
              <button class="btn small quiet" type="button" onClick={() => void loadOlder()}>
                {olderCount.toLocaleString()} earlier messages
              </button>
            </p>
          )}
          {renderMessages(open)}
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

/** Pixels above a message that the heading of its day covers. */
const UNDER_DAY = 48

/** Scrolls the box alone: scrollIntoView() would also move the page around it. */
function scrollTo(box: HTMLElement, at: HTMLElement, isCentred: boolean): void {
  const { top, height } = at.getBoundingClientRect()
  const room = Math.max(0, box.clientHeight - height)
  const above = isCentred ? Math.max(UNDER_DAY, room / 2) : UNDER_DAY
  box.scrollTop += top - box.getBoundingClientRect().top - above
}

/**
 * Scrolls now and in the next frames, until the position stays: messages that were never on screen have
 * only an estimated height until they are. Returns how to stop.
 */
function settle(scroll: () => number): () => void {
  let last = scroll()
  let frames = 0
  let request = requestAnimationFrame(function again() {
    const next = scroll()
    frames = next === last ? frames + 1 : 0
    last = next
    if (frames < 3) request = requestAnimationFrame(again)
  })
  const stop = () => {
    cancelAnimationFrame(request)
    removeEventListener('wheel', stop)
    removeEventListener('touchmove', stop)
  }
  // The person decides where to be.
  addEventListener('wheel', stop, { once: true, passive: true })
  addEventListener('touchmove', stop, { once: true, passive: true })
  setTimeout(stop, 1_000)
  return stop
}

async function toEnd(box: HTMLElement | null): Promise<void> {
  await jumpToEnd()
  if (box) box.scrollTop = box.scrollHeight
}

function renderMessages({ name, messages, firstUnread, unreadCount }: Transcript) {
  const now = relayNow()
  const { at, ...rest } = route.value
  const seq = at === 'thread' && 'seq' in rest ? rest.seq : undefined
  return messages.map((message, i) => {
    const before = messages[i - 1]
    const isNewDay = !before || dayOf(before.created_at) !== dayOf(message.created_at)
    const isFirstNew = message.seq === firstUnread
    const isContinued = !isNewDay && !isFirstNew && continues(before as MessageData, message)
    return (
      <Fragment key={message.seq}>
        {(isNewDay || isFirstNew) && (
          <h3 class={isFirstNew ? 'day new' : 'day'}>
            {formatDay(message.created_at, now)}
            {isFirstNew && <b>{unreadCount.toLocaleString()} new</b>}
          </h3>
        )}
        <Message
          message={message}
          thread={name}
          isContinued={isContinued}
          isTarget={message.seq === seq}
          onWhole={showWhole}
        />
      </Fragment>
    )
  })
}

function continues(before: MessageData, message: MessageData): boolean {
  return (
    nameOf(before) === nameOf(message) &&
    isPerson(before) === isPerson(message) &&
    before.surface === message.surface &&
    before.session_tag === message.session_tag &&
    before.via === message.via &&
    before.to === message.to &&
    Date.parse(message.created_at) - Date.parse(before.created_at) < CONTINUED
  )
}

/** Watches which messages are on screen. */
function useReading(scroll: { current: HTMLElement | null }, messages: MessageData[]): void {
  const observer = useRef<IntersectionObserver | undefined>(undefined)
  const watched = useRef(new WeakSet<Element>())
  useEffect(() => () => observer.current?.disconnect(), [])
  useEffect(() => {
    if (!scroll.current) return
    observer.current ??= createReadObserver(scroll.current)
    for (const element of scroll.current.querySelectorAll('.msg[data-seq]')) {
      if (watched.current.has(element)) continue
      watched.current.add(element)
      observer.current.observe(element)
    }
  }, [messages])
}

/** Up and down go from message to message once one of them has the focus. */
function moveFocus(event: KeyboardEvent): void {
  const box = event.currentTarget as HTMLElement
  const focused = document.activeElement
  const isBox = focused === box
  if (!(isBox || focused?.classList.contains('msg'))) return
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
  const all = [...box.querySelectorAll<HTMLElement>('.msg')]
  const at = isBox ? all.length : all.indexOf(focused as HTMLElement)
  const next = all[at + (event.key === 'ArrowDown' ? 1 : -1)]
  if (!next) return
  event.preventDefault()
  next.focus()
}

function findAnchor(box: Element) {
  const top = box.getBoundingClientRect().top
  for (const each of box.querySelectorAll<HTMLElement>('.msg[data-seq]')) {
    const place = each.getBoundingClientRect()
    if (place.bottom > top) return { seq: each.dataset.seq ?? '', top: place.top }
  }
  return undefined
}

function restoreAnchor(box: Element, anchor: { seq: string; top: number } | undefined): void {
  const at = anchor && box.querySelector(`[data-seq="${anchor.seq}"]`)
  if (at) box.scrollTop += at.getBoundingClientRect().top - anchor.top
}
