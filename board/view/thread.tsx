/** The pane of one thread: its head, its messages, the field to write in. */
import { useEffect, useRef } from 'preact/hooks'
import { isReadOnly } from '../relay/sign-in.ts'
import type { Thread } from '../relay/types.ts'
import { setArchived } from '../state/actions.ts'
import { threadDialog } from '../state/dialog.ts'
import { changedDraft, loadDraft } from '../state/drafts.ts'
import { muted, toggleMuted } from '../state/muted.ts'
import { retryTranscript } from '../state/opening.ts'
import { outbox } from '../state/outbox-store.ts'
import { markAllRead } from '../state/read-state.ts'
import { formatRoute, go } from '../state/route.ts'
import { announced, toggleAnnounced } from '../state/settings.ts'
import { say } from '../state/status.ts'
import { findThread, threads } from '../state/threads.ts'
import { transcript } from '../state/transcript.ts'
import { Composer } from './composer.tsx'
import { copyText } from './copy.tsx'
import { loadReader, reader } from './drawn.tsx'
import { Icon, type IconName } from './icons.tsx'
import { requireParts } from './lazy.tsx'
import { Menu, type MenuItem } from './menu.tsx'
import { Back, Case, MessageSkeleton } from './panes.tsx'
import { Pending } from './pending.tsx'
import { Name, Text } from './text.tsx'
import { TranscriptView } from './transcript.tsx'

export function ThreadPane({ name }: { name: string }) {
  // Reading the signal makes the head follow the list.
  const thread = threads.value && findThread(name)
  const open = transcript.value
  const isLoading = !open || reader.value === undefined
  const isReady = !isLoading && open.status === 'ready'
  useEffect(() => void loadReader(), [])
  const isMissing = open?.status === 'missing'
  const isWaiting = outbox.value.some((each) => each.thread === name)
  // The draft stays in reach, even if the thread is gone; posting it opens the thread.
  const wrote = useRef(false)
  wrote.current ||= isWaiting || changedDraft.value.thread === name || loadDraft(name).text !== ''
  return (
    <section class="pane compact" aria-label={name}>
      <Head name={name} thread={thread} isMissing={isMissing} />
      {(isLoading || open.status === 'loading') && <MessageSkeleton />}
      {isMissing && (isWaiting ? <div class="scroll" /> : <Missing name={name} />)}
      {open?.status === 'failed' && (
        <Case title="This thread could not be read" text={open.problem ?? ''}>
          <button class="btn primary" type="button" onClick={retryTranscript}>
            Try again
          </button>
        </Case>
      )}
      {isReady && <TranscriptView open={open} />}
      {!isReady && <Waiting name={name} />}
      {(!isMissing || (wrote.current && !isReadOnly.value)) && (
        <div class="write col">
          {thread?.archived && !isReadOnly.value && (
            <p class="closed above">
              <span class="grow">Archived. A new message reopens it.</span>
              <button class="btn line" type="button" onClick={() => void setArchived(name, false)}>
                Restore
              </button>
            </p>
          )}
          <Composer thread={name} placeholder={`Write to ${name}`} />
        </div>
      )}
    </section>
  )
}

/** Messages that were not sent, where there is no transcript to stand in. */
function Waiting({ name }: { name: string }) {
  const waiting = outbox.value.filter(({ thread }) => thread === name)
  if (waiting.length === 0) return null
  return (
    <div class="col">
      {waiting.map((each) => (
        <Pending key={each.key} message={each} />
      ))}
    </div>
  )
}

function Missing({ name }: { name: string }) {
  return (
    <Case
      title="There is no such thread"
      text={`No thread is called “${name}”. It may have been renamed or deleted since.`}
    >
      <a class="btn primary" href={formatRoute({ at: 'home' })}>
        All threads
      </a>
      <a class="btn line" href={formatRoute({ at: 'search', q: name })}>
        Search for it
      </a>
    </Case>
  )
}

interface HeadProps {
  name: string
  thread: Thread | undefined
  isMissing: boolean
}

function Head({ name, thread, isMissing }: HeadProps) {
  const count = thread?.message_count
  return (
    <header class="head">
      <div class="col">
        <Back />
        <div class="head-text">
          <h2 class="head-title cut">
            <Name>{name}</Name>
          </h2>
          <p class="head-sub cut">
            {count !== undefined &&
              `${count.toLocaleString()} ${count === 1 ? 'message' : 'messages'}`}
            {thread?.archived && ' · archived'}
            {thread?.description && (
              <>
                {' · '}
                <Text>{thread.description}</Text>
              </>
            )}
          </p>
        </div>
        {!isMissing && <Tools name={name} thread={thread} />}
      </div>
    </header>
  )
}

function Tools({ name, thread }: { name: string; thread: Thread | undefined }) {
  const isArchived = thread?.archived === true
  const copyContext = async () => {
    const copied = copyText(async () => (await requireParts()).contextOf(name))
    if (await copied) say(describeCopy(thread?.message_count ?? 0))
  }
  const archive: MenuItem = {
    label: (
      <Labelled
        icon={isArchived ? 'restore' : 'archive'}
        text={isArchived ? 'Restore' : 'Archive'}
        keys="Shift E"
      />
    ),
    run: () => void setArchived(name, !isArchived),
  }
  const managing: MenuItem[] = [
    {
      label: <Labelled icon="write" text="Name and description …" />,
      hasLine: true,
      run: () => {
        threadDialog.value = { about: 'edit', thread: name }
      },
    },
    archive,
    ...(isArchived
      ? [
          {
            label: <Labelled icon="bin" text="Delete …" />,
            run: () => {
              threadDialog.value = { about: 'delete', thread: name }
            },
          },
        ]
      : []),
  ]
  const items: MenuItem[] = [
    {
      label: <Labelled icon="check" text="Mark all as read" />,
      run: () => markAllRead([thread ?? { name, message_count: 0, latest: lastOf() }]),
    },
    {
      label: <Labelled icon="mute" text="Mute" />,
      isChecked: muted.value.has(name),
      run: () => toggleMuted(name),
    },
    {
      label: <Labelled icon="bell" text="Notify me of every message" />,
      isChecked: announced.value.has(name),
      run: () => void toggleAnnounced(name),
    },
    { label: <Labelled icon="doc" text="Copy as context" />, run: () => void copyContext() },
    {
      label: <Labelled icon="download" text="Download as Markdown" />,
      run: () => void saveFile(name),
    },
    ...(isReadOnly.value ? [] : managing),
  ]
  return (
    <div class="head-tools">
      <button
        class="btn icon"
        type="button"
        aria-label="Search and filter this thread"
        title="Search and filter this thread"
        onClick={() => go({ at: 'search', thread: name })}
      >
        <Icon name="search" />
      </button>
      <button
        class="btn icon wide-only"
        type="button"
        aria-label="Copy thread as context"
        title="Copy thread as context"
        onClick={() => void copyContext()}
      >
        <Icon name="doc" />
      </button>
      {!isReadOnly.value && (
        <button
          class="btn icon wide-only"
          type="button"
          aria-label={isArchived ? 'Restore' : 'Archive'}
          title={isArchived ? 'Restore (Shift E)' : 'Archive (Shift E)'}
          onClick={() => void setArchived(name, !isArchived)}
        >
          <Icon name={isArchived ? 'restore' : 'archive'} />
        </button>
      )}
      <Menu class="btn icon" label="More actions" button={<Icon name="dots" />} items={items} />
    </div>
  )
}

/** The relay gives the latest messages, as many as a chat takes. */
function describeCopy(count: number): string {
  const most = 100
  if (count <= most) return `Copied ${count.toLocaleString()} messages`
  return `Copied the latest ${most} of ${count.toLocaleString()} messages`
}

async function saveFile(name: string): Promise<void> {
  try {
    const { download } = await requireParts()
    await download(name)
  } catch (error) {
    say((error as Error).message)
  }
}

/** The end of a thread that the list does not hold. */
function lastOf(): Thread['latest'] {
  const last = transcript.peek()?.messages.at(-1)
  return last && { ...last, excerpt: '' }
}

function Labelled({ icon, text, keys }: { icon: IconName; text: string; keys?: string }) {
  return (
    <>
      <Icon name={icon} />
      {text}
      {keys && <kbd>{keys}</kbd>}
    </>
  )
}
