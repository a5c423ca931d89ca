/** The list: what waits for the person, the threads, the readers, and the foot. */
import { useState } from 'preact/hooks'
import { relayNow } from '../relay/client.ts'
import { isReadOnly } from '../relay/sign-in.ts'
import { nameOf } from '../relay/types.ts'
import { minute } from '../state/clock.ts'
import { drafted } from '../state/drafts.ts'
import { forYou, forYouCount, isForYouAsked, keyOf } from '../state/for-you.ts'
import { muted } from '../state/muted.ts'
import { formatRoute, route } from '../state/route.ts'
import { isNarrow } from '../state/screen.ts'
import { readers, threads, unlisted, unreadTotal } from '../state/threads.ts'
import { readQuestion } from '../text/question.ts'
import { formatAge } from '../text/time.ts'
import { isNow } from './addressee.tsx'
import { FilterField, filter, listed, matching, moveInList } from './filter.tsx'
import { NothingWaits } from './home.tsx'
import { Icon, Logo, SurfaceIcon } from './icons.tsx'
import { Inbox } from './inbox.tsx'
import { Later } from './lazy.tsx'
import { SettingsMenu } from './settings.tsx'
import { Name, Text } from './text.tsx'
import { ThreadRow } from './thread-row.tsx'

export function Sidebar() {
  const archived = matching.value.filter((thread) => thread.archived)
  const [isArchiveOpen, setArchiveOpen] = useState(false)
  const isFiltering = filter.value.trim() !== ''
  const isLoading = threads.value === undefined || !isForYouAsked.value
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
      {/* biome-ignore lint/a11y/noStaticElementInteractions: it only hears what bubbles up from its rows. */}
      <div class={isFiltering ? 'list filtering' : 'list'} onKeyDown={moveInList}>
        {isLoading && <Skeleton />}
        {!isFiltering && !isLoading && <ForYou />}
        {!isFiltering && !isLoading && listed.value.length > 0 && (
          <h2 class="label-line">
            Threads{' '}
            {unreadTotal.value > 0 && (
              <span class="by">{unreadTotal.value.toLocaleString()} unread</span>
            )}
          </h2>
        )}
        <ul>
          {(isLoading ? [] : listed.value).map((thread) => (
            <ThreadRow
              key={thread.name}
              thread={thread}
              isCurrent={thread.name === current}
              isMuted={muted.value.has(thread.name)}
              hasDraft={thread.name !== current && drafted.value.has(thread.name)}
              minute={minute.value}
            />
          ))}
        </ul>
        {!isLoading && listed.value.length === 0 && (
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
                <ThreadRow
                  key={thread.name}
                  thread={thread}
                  isCurrent={thread.name === current}
                  isMuted={muted.value.has(thread.name)}
                  hasDraft={thread.name !== current && drafted.value.has(thread.name)}
                  minute={minute.value}
                />
              ))}
            </ul>
          </details>
        )}
        {unlisted.value > 0 && !isFiltering && (
          <p class="none">
            {unlisted.value.toLocaleString()} older threads. Type part of a name to find one.
          </p>
        )}
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

/** The messages that wait: on a phone their rows, else a line for each while another place is open. */
function ForYou() {
  const at = route.value.at
  if (isNarrow.value) {
    return (
      <>
        <h2 class="label-line first">
          For you <Count />
        </h2>
        <Inbox />
        <NothingWaits />
      </>
    )
  }
  return (
    <>
      <a
        class="nav"
        href={formatRoute({ at: 'home' })}
        aria-current={at === 'home' ? 'page' : undefined}
      >
        <Icon name="inbox" />
        For you
        <span class="grow" />
        <Count />
      </a>
      {at !== 'home' && (
        <ul>
          {forYou.value?.slice(0, LINES).map((each) => (
            <li key={keyOf(each)}>
              <a
                class="row"
                href={formatRoute({ at: 'thread', name: each.thread_name, seq: each.seq })}
              >
                <span class="row-name cut">
                  <Text>{readQuestion(each.content).text || 'No text'}</Text>
                </span>
                <time class="row-age" dateTime={each.created_at}>
                  {formatAge(each.created_at, relayNow() + 0 * minute.value)}
                </time>
                <span class="row-last">
                  <SurfaceIcon surface={each.surface} isPerson={false} />
                  <span class="cut">
                    <Name>{nameOf(each)}</Name> in <Name>{each.thread_name}</Name>
                  </span>
                </span>
              </a>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

/** Lines about what waits, next to another place. */
const LINES = 3

function Count() {
  if (forYouCount.value === 0) return null
  return (
    <span class="count">
      {forYouCount.value}
      <span class="vh"> waiting</span>
    </span>
  )
}

/** How many readers there are, and the way to them. */
function Readers() {
  const now = relayNow() + 0 * minute.value
  const count = readers.value.length
  if (count === 0) return null
  const live = readers.value.filter(({ last_seen_at }) => isNow(last_seen_at, now)).length
  const line = (
    <>
      <Icon name="people" />
      {count} {count === 1 ? 'reader' : 'readers'}
      {live > 0 && (
        <span class="live">
          <span class="dot" aria-hidden="true" />
          {live} live now
        </span>
      )}
    </>
  )
  if (isReadOnly.value) return <p class="readers-line">{line}</p>
  return (
    <a class="readers-line" href={formatRoute({ at: 'readers' })}>
      {line}
      <span class="grow" />
      <Icon name="turn" />
    </a>
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
