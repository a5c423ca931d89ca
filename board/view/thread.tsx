/** The pane of one thread: its head, its messages, the field to write in. */
import { useEffect, useRef } from 'preact/hooks'
import { isReadOnly } from '../relay/sign-in.ts'
import type { Thread } from '../relay/types.ts'
import { setArchived } from '../state/actions.ts'
import { changedDraft, loadDraft } from '../state/drafts.ts'
import { retryTranscript } from '../state/opening.ts'
import { outbox } from '../state/outbox-store.ts'
import { formatRoute } from '../state/route.ts'
import { findThread, threads } from '../state/threads.ts'
import { transcript } from '../state/transcript.ts'
import { Composer } from './composer.tsx'
import { loadReader, reader } from './drawn.tsx'
import { Back, Case, MessageSkeleton } from './panes.tsx'
import { Pending } from './pending.tsx'
import { Name, Text } from './text.tsx'
import { Tools } from './thread-tools.tsx'
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
