/** The readers of the relay: when each was last here, and how to forget one. */
import { useEffect, useState } from 'preact/hooks'
import { relayNow } from '../relay/client.ts'
import { type KnownReader, manage } from '../relay/manage.ts'
import { PERSON } from '../relay/types.ts'
import { reloadThreads } from '../state/looking.ts'
import { noteFault, noteSuccess, say } from '../state/status.ts'
import { formatAge } from '../text/time.ts'
import { isNow } from './addressee.tsx'
import { Case, MessageSkeleton, PaneHead } from './panes.tsx'
import { Name } from './text.tsx'

export function ReadersPane() {
  const [readers, setReaders] = useState<KnownReader[]>()
  const [next, setNext] = useState<string>()
  const [problem, setProblem] = useState('')
  const load = async (after?: string) => {
    try {
      const page = await manage('list_readers', after === undefined ? {} : { after })
      setReaders((known = []) => [...(after === undefined ? [] : known), ...page.readers])
      setNext(page.next_after)
      setProblem('')
      noteSuccess()
    } catch (error) {
      const { message } = noteFault(error)
      if (after === undefined) setProblem(message)
      else say(message)
    }
  }
  useEffect(() => void load(), [])
  const forget = (tag: string) =>
    setReaders((known) => known?.filter(({ reader_tag }) => reader_tag !== tag))
  return (
    <section class="pane" aria-label="All readers">
      <PaneHead title="Readers" />
      {problem ? (
        <Case title="The readers could not be read" text={problem}>
          <button class="btn primary" type="button" onClick={() => void load()}>
            Try again
          </button>
        </Case>
      ) : readers ? (
        <div class="scroll">
          <div class="col managed">
            <p class="lead-line">
              Each reader_tag has its own bookmark in every thread. Forget those that no session
              uses any more.
            </p>
            <ul class="lines">
              {readers.map((reader) => (
                <Row key={reader.reader_tag} reader={reader} onForgotten={forget} />
              ))}
            </ul>
            {next !== undefined && (
              <p class="older">
                <button class="btn line" type="button" onClick={() => void load(next)}>
                  More readers
                </button>
              </p>
            )}
          </div>
        </div>
      ) : (
        <MessageSkeleton />
      )}
    </section>
  )
}

interface RowProps {
  reader: KnownReader
  onForgotten: (tag: string) => void
}

function Row({ reader, onForgotten }: RowProps) {
  const { reader_tag, last_seen_at, last_given_at } = reader
  const [isAsking, setAsking] = useState(false)
  const [isBusy, setBusy] = useState(false)
  /** How many messages it has not received, once that was asked. */
  const [unread, setUnread] = useState<number>()
  const now = relayNow()
  const ask = async () => {
    setAsking(!isAsking)
    if (isAsking) return
    try {
      const { readers } = await manage('list_readers', { reader_tag })
      setUnread(readers[0]?.unread_count)
    } catch {
      // The question makes sense without the number.
    }
  }
  const forget = async () => {
    if (isBusy) return
    setBusy(true)
    try {
      await manage('forget_reader', { reader_tag })
      onForgotten(reader_tag)
      say(`${reader_tag} forgotten`)
      await reloadThreads()
    } catch (error) {
      say(noteFault(error).message)
      setBusy(false)
    }
  }
  return (
    <li>
      <span class={isNow(last_seen_at, now) ? 'dot' : 'dot off'} aria-hidden="true" />
      <div>
        <span class="name">
          <Name>{reader_tag}</Name>
        </span>
        {reader_tag === PERSON && <span class="tag">you</span>}
      </div>
      <div class="cells">
        <span>{last_seen_at ? `Seen ${ago(last_seen_at, now)}` : 'Not seen yet'}</span>
        <span>{last_given_at ? `Received ${ago(last_given_at, now)}` : 'Nothing received'}</span>
      </div>
      {reader_tag !== PERSON && (
        <button
          class="btn small quiet"
          type="button"
          aria-label={isAsking ? 'Cancel' : `Forget ${reader_tag}`}
          aria-expanded={isAsking}
          onClick={() => void ask()}
        >
          {isAsking ? 'Cancel' : 'Forget'}
        </button>
      )}
      {isAsking && (
        <div class="asked" role="status">
          <p>
            Its bookmarks go{unread !== undefined && `, with ${unread.toLocaleString()} unread`}.
            Its messages stay. For a minute its calls are refused; after that it is a new reader.
            This cannot be undone.
          </p>
          <div class="asked-buttons">
            <button
              class="btn line bad"
              type="button"
              aria-disabled={isBusy}
              onClick={() => void forget()}
            >
              Forget <Name>{reader_tag}</Name>
            </button>
          </div>
        </div>
      )}
    </li>
  )
}

function ago(time: string, now: number): string {
  const age = formatAge(time, now)
  return /^\d+ (min|h|d)$/.test(age) ? `${age} ago` : age
}
