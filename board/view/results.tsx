/** The results of a search, by thread. */
import { relayNow } from '../relay/client.ts'
import { type Message, nameOf, type Reading } from '../relay/types.ts'
import { type Filters, formatRoute } from '../state/route.ts'
import { findThread } from '../state/threads.ts'
import { formatExact, formatWhen } from '../text/time.ts'
import { excerptAround, wordsOf } from '../text/words.ts'
import { Face } from './face.tsx'
import { Addressed, describeAuthor } from './message.tsx'
import { Hits, Name } from './text.tsx'

/** Characters that are shown of a message. */
const EXCERPT = 280

export interface Found {
  messages: Message[]
  reading: Reading
}

interface ResultsProps {
  found: Found
  filters: Filters
  onMore: (before: number | undefined) => Promise<void>
}

export function Results({ found: { messages, reading }, filters, onMore }: ResultsProps) {
  const { q = '', thread } = filters
  const words = wordsOf(q)
  if (messages.length === 0) {
    return (
      <div class="nothing">
        <p>No message contains {q ? <>“{q}”</> : 'this'}, archived threads included.</p>
        {q && thread && (
          <p>
            <a href={formatRoute({ at: 'search', q })}>Search all threads</a>
          </p>
        )}
      </div>
    )
  }
  const groups = Map.groupBy(messages, (message) => message.thread_name ?? thread ?? '')
  return (
    <>
      {reading.matched === 'any' && (
        <p class="by">
          No message has all of these words. These have some of them.
          {reading.missing_words && ` Found nowhere: ${reading.missing_words.join(', ')}.`}
        </p>
      )}
      {[...groups].map(([name, hits]) => (
        <section class="group" key={name} aria-label={name}>
          <h3 class="group-head">
            <a href={formatRoute({ at: 'thread', name })}>
              <Name>{name}</Name>
            </a>
            <span>
              {reading.threads?.find((each) => each.thread_name === name)?.hits ?? hits.length}
              {findThread(name)?.archived && ' · archived'}
            </span>
          </h3>
          {hits.map((message) => (
            <Hit key={message.seq} message={message} thread={name} words={words} />
          ))}
        </section>
      ))}
      {(reading.has_more || reading.older_count) &&
        (thread && reading.next_before_seq ? (
          <p class="older">
            <button
              class="btn line"
              type="button"
              onClick={() => void onMore(reading.next_before_seq)}
            >
              Older messages
            </button>
          </p>
        ) : (
          <p class="none">More than {messages.length} hits. Add a word, or search in one thread.</p>
        ))}
    </>
  )
}

function Hit({ message, thread, words }: { message: Message; thread: string; words: string[] }) {
  const { seq, created_at } = message
  return (
    <a class="hit" href={formatRoute({ at: 'thread', name: thread, seq })}>
      <Face author={message} />
      <span class="body">
        <span class="msg-head">
          <span class="who">
            <Name>{nameOf(message)}</Name>
          </span>
          <span class="meta">
            <span class="by cut">
              <Name>{describeAuthor(message)}</Name>
            </span>
            <Addressed to={message.to} />
          </span>
          <span class="msg-end">
            <time dateTime={created_at} title={formatExact(created_at)}>
              {formatWhen(created_at, relayNow())}
            </time>
            <span class="seq">#{seq}</span>
          </span>
        </span>
        <span class="excerpt">
          {message.redacted ? (
            <span class="taken">Taken back</span>
          ) : (
            <Hits words={words}>{excerptAround(message.content, words, EXCERPT)}</Hits>
          )}
        </span>
      </span>
    </a>
  )
}
