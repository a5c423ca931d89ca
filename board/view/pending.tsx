/** A message that is on its way, or that could not be sent. */

import { BOARD_NAME, PERSON } from '../relay/types.ts'
import { restoreDraft } from '../state/drafts.ts'
import { discard, type Outgoing, retry } from '../state/outbox.ts'
import { Icon } from './icons.tsx'
import { Markdown } from './markdown.tsx'
import { Byline } from './message.tsx'
import { Text } from './text.tsx'

export function Pending({ message }: { message: Outgoing }) {
  const { key, thread, content, to, problem, isRefused } = message
  const author = { surface: 'other', from: PERSON, via: BOARD_NAME, ...(to && { to }) } as const
  const edit = () => {
    restoreDraft(thread, { text: content, to })
    document.getElementById('write')?.focus()
    discard(key)
  }
  return (
    <article class="msg" tabIndex={-1}>
      <span class="tile you">
        <Icon name="you" />
      </span>
      <div class="body">
        <div class="msg-head">
          <span class="who">You</span>
          <Byline message={author} />
          <span class="msg-end">
            {problem === undefined && (
              <span class="state" role="status">
                Sending …
              </span>
            )}
          </span>
        </div>
        <Markdown text={content} />
        {problem !== undefined && (
          <p class="failed" role="alert">
            <span>
              {/* Without an answer it may still have arrived. */}
              {isRefused ? 'Not sent' : 'Not confirmed yet'}: <Text>{problem}</Text>
            </span>
            <button class="btn small" type="button" onClick={() => retry(key)}>
              Try again
            </button>
            <button class="btn small" type="button" onClick={edit}>
              Edit
            </button>
            <button class="btn small" type="button" onClick={() => discard(key)}>
              Discard
            </button>
          </p>
        )}
      </div>
    </article>
  )
}
