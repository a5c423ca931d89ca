/** A message that is on its way, or that could not be sent. */
import { useEffect, useState } from 'preact/hooks'
import { BOARD_NAME, PERSON } from '../relay/types.ts'
import { loadDraft, restoreDraft } from '../state/drafts.ts'
import { discard, discardWithUndo, retry } from '../state/outbox.ts'
import { type Outgoing, outbox } from '../state/outbox-store.ts'
import { Answered } from './answered.tsx'
import { Drawn } from './drawn.tsx'
import { Face } from './face.tsx'
import { Icon } from './icons.tsx'
import { Addressed } from './message.tsx'
import { Text } from './text.tsx'

export function Pending({ message }: { message: Outgoing }) {
  const { key, thread, content, to, reply, problem, isRefused, sendAt } = message
  const author = { surface: 'other', from: PERSON, via: BOARD_NAME } as const
  const edit = () => {
    discard(key)
    restoreDraft(thread, {
      text: content,
      to: reply ? loadDraft(thread).to : to,
      ...(reply && { reply }),
    })
  }
  const first = outbox.value.find((each) => each.thread === thread && !each.isRefused)
  const isNext = first?.key === key
  return (
    <article class="msg" tabIndex={-1}>
      {reply && <Answered seq={reply.seq} name={reply.name} line={reply.line} thread={thread} />}
      <Face author={author} />
      <div class="author">
        <span class="who">You</span>
      </div>
      <div class="msg-end">
        {problem === undefined && !sendAt && (
          <span class="state" role="status">
            {isNext ? 'Sending …' : 'Waiting'}
          </span>
        )}
      </div>
      <div class="body">
        <Addressed to={to || undefined} />
        <Drawn text={content} />
        {problem === undefined && sendAt && <Held until={sendAt} onUndo={edit} />}
        {problem !== undefined && (
          <p class="failed" role="alert">
            <span>
              {/* Without an answer it may still have arrived. */}
              {isRefused ? 'Not sent' : 'Not confirmed yet'}: <Text>{problem}</Text>
              {!isRefused && ' It is sent again by itself.'}
            </span>
            <button class="btn small" type="button" onClick={() => retry(key)}>
              Try again
            </button>
            <button class="btn small" type="button" onClick={edit}>
              Edit
            </button>
            <button class="btn small" type="button" onClick={() => discardWithUndo(message)}>
              Discard
            </button>
          </p>
        )}
      </div>
    </article>
  )
}

/** The seconds until a message is sent, and the way back. */
function Held({ until, onUndo }: { until: number; onUndo: () => void }) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 250)
    return () => clearInterval(timer)
  }, [])
  return (
    <p class="receipt">
      <Icon name="clock" />
      <span>Sends in {Math.max(1, Math.ceil((until - now) / 1000))} s</span>
      <button class="btn small" type="button" onClick={onUndo}>
        Undo
      </button>
    </p>
  )
}
