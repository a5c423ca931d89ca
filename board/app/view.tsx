/** The board as a view in a chat: the threads, and the latest messages of one. */
import { Fragment } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { isPerson, nameOf, type Thread } from '../relay/types.ts'
import { boardBase, formatRoute } from '../state/route.ts'
import { toast } from '../state/status.ts'
import { dayOf, formatAge, formatClock, formatDay } from '../text/time.ts'
import { excerptOf } from '../text/words.ts'
import { Icon, Logo, SurfaceIcon } from '../view/icons.tsx'
import { Message } from '../view/message.tsx'
import { Name, Text } from '../view/text.tsx'
import {
  asOf,
  closeThread,
  isStale,
  opened,
  openThread,
  problem,
  remaining,
  resume,
  showWhole,
  threads,
} from './data.ts'
import { capabilities, context } from './host.ts'

/** Limits that fit 500 px: rows of 56 px under a head of 56, and messages, or one if they have much around them. */
const ROWS = 7
const MESSAGES = 2

interface ViewProps {
  /** Asks the host for more room. */
  onFullscreen: () => void
}

export function View({ onFullscreen }: ViewProps) {
  const isLarge = context.value.displayMode === 'fullscreen'
  const mayEnlarge = !isLarge && context.value.availableDisplayModes?.includes('fullscreen')
  return (
    <main class="view">
      <header class="view-head">
        {opened.value ? <ThreadHead name={opened.value.name} /> : <ListHead />}
        <span class="grow" />
        {mayEnlarge && (
          <button class="btn small quiet" type="button" onClick={onFullscreen}>
            Enlarge
          </button>
        )}
        <a class="btn small quiet" href={placeOf()}>
          Open the board
        </a>
      </header>
      {isStale.value && capabilities.value.serverTools && (
        <p class="notice">
          <span>
            This view no longer follows the relay: the chat did not pass on a call. As of{' '}
            {formatClock(new Date(asOf.value).toISOString())}.
          </span>
          <button class="btn small line" type="button" onClick={resume}>
            Try again
          </button>
        </p>
      )}
      {problem.value && (
        <p class="notice" role="alert">
          <Icon name="alert" />
          <span>
            <Text>{problem.value}</Text>
          </span>
        </p>
      )}
      {opened.value ? (
        <ThreadBody key={opened.value.name} isLarge={isLarge} />
      ) : (
        <List isLarge={isLarge} />
      )}
      <p class="vh" role="status">
        {toast.value?.text}
      </p>
    </main>
  )
}

/** The board's own address of the current view. */
function placeOf(): string {
  const open = opened.value
  return boardBase.value + formatRoute(open ? { at: 'thread', name: open.name } : { at: 'home' })
}

function ListHead() {
  const count = (threads.value?.length ?? 0) + remaining.value
  return (
    <>
      <span class="brand">
        <Logo />
        Relay
      </span>
      {threads.value && (
        <span class="by cut">
          {count.toLocaleString()} {count === 1 ? 'thread' : 'threads'}
          {!capabilities.value.serverTools &&
            `, as of ${formatClock(new Date(asOf.value).toISOString())}`}
        </span>
      )}
    </>
  )
}

function ThreadHead({ name }: { name: string }) {
  return (
    <>
      <button class="btn icon" type="button" aria-label="All threads" onClick={closeThread}>
        <Icon name="left" />
      </button>
      <h1 class="head-title cut">
        <Name>{name}</Name>
      </h1>
    </>
  )
}

function List({ isLarge }: { isLarge: boolean }) {
  const all = threads.value
  if (all === undefined) {
    return problem.value ? null : (
      <div class="skeleton" aria-hidden="true">
        {Array.from({ length: 8 }, () => (
          <i />
        ))}
      </div>
    )
  }
  const shown = isLarge ? all : all.slice(0, ROWS)
  const rest = all.length - shown.length + remaining.value
  return (
    <>
      {all.length === 0 && <p class="none">No threads yet. The first post opens one.</p>}
      <ul class="view-list">
        {shown.map((thread) => (
          <li key={thread.name}>
            <Row thread={thread} />
          </li>
        ))}
      </ul>
      {rest > 0 && <p class="none">{rest.toLocaleString()} more</p>}
    </>
  )
}

function Row({ thread }: { thread: Thread }) {
  const { name, latest, last_message_at, description, message_count, archived } = thread
  const content = (
    <>
      <span class="row-name cut">
        <Name>{name}</Name>
      </span>
      <time class="row-age">{last_message_at && formatAge(last_message_at, Date.now())}</time>
      <span class="row-last">
        {latest && <SurfaceIcon surface={latest.surface} isPerson={isPerson(latest)} />}
        <span class="cut">
          {latest ? (
            <>
              <Name>{nameOf(latest)}</Name>: <Text>{excerptOf(latest)}</Text>
            </>
          ) : (
            <Text>{description ?? `${message_count} messages`}</Text>
          )}
          {archived && ' · archived'}
        </span>
      </span>
    </>
  )
  if (!capabilities.value.serverTools) return <div class="row">{content}</div>
  return (
    <button class="row" type="button" onClick={() => void openThread(name)}>
      {content}
    </button>
  )
}

function ThreadBody({ isLarge }: { isLarge: boolean }) {
  const { name = '', messages } = opened.value ?? {}
  const feed = useRef<HTMLDivElement>(null)
  const [isCut, setCut] = useState(false)
  const [room, setRoom] = useState(MESSAGES)
  useLayoutEffect(() => {
    const view = feed.current?.closest('.view')
    if (!isLarge && view && view.scrollHeight > view.clientHeight) setRoom(1)
    const all = [...(feed.current?.querySelectorAll('.md') ?? [])]
    const cut = all.filter((each) => each.scrollHeight > each.clientHeight + 1)
    for (const each of all) each.classList.toggle('ends', cut.includes(each))
    setCut(cut.length > 0)
  })
  if (messages === undefined) {
    return (
      <div class="skeleton wide" aria-hidden="true">
        {Array.from({ length: 6 }, () => (
          <i />
        ))}
      </div>
    )
  }
  const shown = isLarge ? messages : messages.slice(-room)
  return (
    <div class={room === 1 ? 'feed one' : 'feed'} ref={feed} role="log" aria-label="Messages">
      {shown.length < messages.length && (
        <p class="none">{messages.length - shown.length} earlier: enlarge the view to see them</p>
      )}
      {shown.map((message, i) => {
        const before = shown[i - 1]
        const isNewDay = !before || dayOf(before.created_at) !== dayOf(message.created_at)
        return (
          <Fragment key={message.seq}>
            {isNewDay && <h2 class="day">{formatDay(message.created_at, Date.now())}</h2>}
            <Message
              message={message}
              thread={name}
              isContinued={false}
              isTarget={false}
              onWhole={showWhole}
            />
          </Fragment>
        )
      })}
      {isCut && (
        <p class="none">Long messages are cut here: enlarge the view, or open the board.</p>
      )}
    </div>
  )
}
