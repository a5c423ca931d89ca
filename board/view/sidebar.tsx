/** The list of threads, the field that filters it, the readers, and the foot. */
import { computed, signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import { callTool, relayNow } from '../relay/client.ts'
import { isReadOnly } from '../relay/sign-in.ts'
import { isPerson, nameOf, PERSON, type Thread } from '../relay/types.ts'
import { minute } from '../state/clock.ts'
import { formatRoute, go, route } from '../state/route.ts'
import { readers, threads, unlisted } from '../state/threads.ts'
import { formatAge } from '../text/time.ts'
import { excerptOf } from '../text/words.ts'
import { isNow } from './addressee.tsx'
import { Icon, Logo, SurfaceIcon } from './icons.tsx'
import { isComposing } from './keys.ts'
import { Later } from './lazy.tsx'
import { memo } from './memo.ts'
import { SettingsMenu } from './settings.tsx'
import { Name, Text } from './text.tsx'

/** The text in the field. */
const filter = signal('')

/** Threads that the relay found by that text and the list does not hold. */
const found = signal<Thread[]>([])

const matching = computed(() => {
  const wanted = filter.value.trim().toLowerCase()
  const all = threads.value ?? []
  if (!wanted) return all
  const isWanted = ({ name, description = '' }: Thread) =>
    `${name}\n${description}`.toLowerCase().includes(wanted)
  const known = new Set(all.map(({ name }) => name))
  return [...all.filter(isWanted), ...found.value.filter(({ name }) => !known.has(name))]
})

/** The active threads as they are listed, for `j` and `k`. */
export const listed = computed(() => matching.value.filter(({ archived }) => !archived))

export function Sidebar() {
  const archived = matching.value.filter((thread) => thread.archived)
  const [isArchiveOpen, setArchiveOpen] = useState(false)
  const isFiltering = filter.value.trim() !== ''
  const to = route.value
  const current = to.at === 'thread' ? to.name : undefined
  const isInArchive = archived.some(({ name }) => name === current)
  return (
    <nav class="side" aria-label="Threads">
      <div class="side-head">
        <a class="brand" href={formatRoute({ at: 'home' })}>
          <Logo />
          Relay
        </a>
        <span class="grow" />
        <a
          class="btn icon"
          href={formatRoute({ at: 'new' })}
          aria-label="New thread"
          title="New thread (n)"
        >
          <Icon name="write" />
        </a>
      </div>
      <FilterField />
      <div class="list">
        {threads.value === undefined && <Skeleton />}
        {isFiltering && (
          <a class="row search-all" href={formatRoute({ at: 'search', q: filter.value.trim() })}>
            <span class="row-last">
              <Icon name="search" />
              <span class="cut">
                Search all messages for <b>{filter.value.trim()}</b>
              </span>
            </span>
          </a>
        )}
        <ul>
          {listed.value.map((thread) => (
            <Row
              key={thread.name}
              thread={thread}
              isCurrent={thread.name === current}
              minute={minute.value}
            />
          ))}
        </ul>
        {threads.value !== undefined && listed.value.length === 0 && (
          <p class="none">
            {isFiltering
              ? 'No thread has this in its name or description.'
              : archived.length > 0
                ? 'All threads are archived.'
                : 'No threads yet. The first post opens one.'}
          </p>
        )}
        {archived.length > 0 && (
          <details
            open={isFiltering || isInArchive || undefined}
            onToggle={(event) => setArchiveOpen(event.currentTarget.open)}
          >
            <summary class="fold-head">
              <Icon name="turn" turns />
              Archived <span class="by">{archived.length}</span>
            </summary>
            {isArchiveOpen && !isFiltering && !isReadOnly.value && (
              <Later isOverlay>{({ DueThreads }) => <DueThreads />}</Later>
            )}
            <ul>
              {archived.map((thread) => (
                <Row
                  key={thread.name}
                  thread={thread}
                  isCurrent={thread.name === current}
                  minute={minute.value}
                />
              ))}
            </ul>
          </details>
        )}
        {unlisted.value > 0 && !isFiltering && (
          <p class="none">
            {unlisted.value.toLocaleString()} older threads: type a part of a name.
          </p>
        )}
      </div>
      <Readers />
      <div class="side-foot">
        <a
          class="btn quiet"
          href={formatRoute({ at: 'connect' })}
          aria-current={to.at === 'connect' || to.at === 'connections' ? 'page' : undefined}
        >
          <Icon name="plug" />
          Connect
        </a>
        <span class="grow" />
        <SettingsMenu />
      </div>
    </nav>
  )
}

function FilterField() {
  const [text, setText] = useState('')
  useEffect(() => {
    filter.value = text
    found.value = []
    if (unlisted.peek() === 0 || !text.trim()) return
    const stop = new AbortController()
    const timer = setTimeout(() => void findUnlisted(text.trim(), stop.signal), 250)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [text])
  const onKeyDown = (event: KeyboardEvent) => {
    // Enter may only confirm an offer of an input method.
    if (isComposing(event)) return
    if (event.key === 'Enter' && text.trim()) go({ at: 'search', q: text.trim() })
    if (event.key === 'Escape') {
      setText('')
      ;(event.currentTarget as HTMLElement).blur()
    }
  }
  return (
    <div class="side-search">
      <label class="field">
        <Icon name="search" />
        <span class="vh">Filter threads, or search all messages</span>
        <input
          id="filter"
          type="search"
          placeholder="Filter or search"
          autocomplete="off"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        {text ? (
          <button class="btn icon" type="button" aria-label="Clear" onClick={() => setText('')}>
            <Icon name="close" />
          </button>
        ) : (
          <kbd class="wide-only">/</kbd>
        )}
      </label>
    </div>
  )
}

async function findUnlisted(query: string, signal: AbortSignal): Promise<void> {
  const args = { reader_tag: PERSON, include_archived: true, preview: true, query, limit: 50 }
  try {
    found.value = (await callTool('relay_list_threads', args, signal)).threads
  } catch {
    // The list that is known is filtered anyway.
  }
}

interface RowProps {
  thread: Thread
  isCurrent: boolean
  /** Only so that the age is drawn again. */
  minute: number
}

const Row = memo(({ thread, isCurrent }: RowProps) => {
  const { name, latest, unread_count: unread = 0, last_message_at } = thread
  return (
    <li>
      <a
        class={unread > 0 ? 'row unread' : 'row'}
        href={formatRoute({ at: 'thread', name })}
        aria-current={isCurrent ? 'page' : undefined}
      >
        <span class="row-name cut">
          <Name>{name}</Name>
        </span>
        <time class="row-age" dateTime={last_message_at}>
          {last_message_at && formatAge(last_message_at, relayNow())}
        </time>
        <span class="row-last">
          {latest && <SurfaceIcon surface={latest.surface} isPerson={isPerson(latest)} />}
          <span class="cut">
            {latest ? (
              <>
                <Name>{nameOf(latest)}</Name>: <Text>{excerptOf(latest)}</Text>
              </>
            ) : (
              <Text>{thread.description ?? 'No messages yet'}</Text>
            )}
          </span>
        </span>
        {unread > 0 && (
          <span class="count">
            {unread > 999 ? '999+' : unread}
            <span class="vh"> unread</span>
          </span>
        )}
      </a>
    </li>
  )
})

function Readers() {
  const now = relayNow()
  const known = readers.value
  if (known.length === 0 || minute.value < 0) return null
  return (
    <section class="readers" aria-label="Readers" tabIndex={0}>
      <h2>
        {isReadOnly.value ? (
          'Readers, last seen'
        ) : (
          <a href={formatRoute({ at: 'readers' })}>Readers, last seen</a>
        )}
      </h2>
      <ul>
        {known.map(({ reader_tag, last_seen_at }) => (
          <li key={reader_tag}>
            <span class={isNow(last_seen_at, now) ? 'dot' : 'dot off'} aria-hidden="true" />
            <span class="cut">
              <Name>{reader_tag}</Name>
            </span>
            {last_seen_at && <time dateTime={last_seen_at}>{formatAge(last_seen_at, now)}</time>}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Skeleton() {
  return (
    <div class="skeleton" aria-hidden="true">
      {Array.from({ length: 12 }, () => (
        <i />
      ))}
    </div>
  )
}
