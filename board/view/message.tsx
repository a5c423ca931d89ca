/** One message: who, when, where to, what, and what can be done with it. */
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import {
  type Author,
  isPerson,
  type Message as MessageData,
  nameOf,
  nameOfTag,
  PERSON,
} from '../relay/types.ts'
import { boardBase, formatRoute } from '../state/route.ts'
import { say } from '../state/status.ts'
import { formatClock, formatExact } from '../text/time.ts'
import { Answered } from './answered.tsx'
import { Content } from './content.tsx'
import { type Copied, CopyButton, copyText } from './copy.tsx'
import { Face } from './face.tsx'
import { Icon } from './icons.tsx'
import { memo } from './memo.ts'
import { Menu, type MenuItem } from './menu.tsx'
import { Metadata } from './metadata.tsx'
import { Name } from './text.tsx'

export interface MessageProps {
  message: MessageData
  thread: string
  /** Whether the same author wrote the message before, shortly before. */
  isContinued: boolean
  /** Whether the address points here. */
  isTarget: boolean
  /** The message that it answers, as far as it is at hand. */
  quotedName?: string | undefined
  quotedLine?: string | undefined
  /** Replaces the beginning of a long message by the whole; undefined where that cannot be had. */
  onWhole: ((thread: string, seq: number) => Promise<string>) | undefined
  /** Further items of its menu. */
  actionsFor?: (thread: string, message: MessageData) => MenuItem[]
  /** Marks a message to the person as one that needs no answer. */
  onDone?: (thread: string, message: MessageData) => void
  /** Begins an answer. */
  onAnswer?: (thread: string, message: MessageData) => void
  /** Whether a message of the person's own waits, was seen or was answered. */
  receipt?: (thread: string, message: MessageData) => ComponentChildren
}

/** Message data never changes in place, so a message is drawn again only when it is another. */
export const Message = memo((props: MessageProps) => {
  const { message, thread, isContinued, isTarget, onWhole, onDone, onAnswer } = props
  const byPerson = isPerson(message)
  const [isPlain, setPlain] = useState(false)
  return (
    <article
      class={`msg${isContinued ? ' more-by' : ''}${isTarget ? ' target' : ''}`}
      data-seq={message.seq}
      tabIndex={-1}
      aria-label={`${nameOf(message)}, ${formatExact(message.created_at)}`}
    >
      {message.reply_to !== undefined && (
        <Answered
          thread={thread}
          seq={message.reply_to}
          name={props.quotedName}
          line={props.quotedLine}
        />
      )}
      {!isContinued && (
        <>
          <Face author={message} />
          <Writer message={message} />
        </>
      )}
      <End {...props} isPlain={isPlain} onPlain={() => setPlain(!isPlain)} />
      <div class="body">
        <Addressed to={message.to} />
        {message.redacted ? (
          <p class="taken">Taken back</p>
        ) : (
          <Content message={message} thread={thread} isPlain={isPlain} onWhole={onWhole} />
        )}
        {byPerson && props.receipt?.(thread, message)}
        {message.metadata && <Metadata metadata={message.metadata} />}
        {message.open && message.to === PERSON && onDone && (
          <p class="due">
            Waits for your answer
            {onAnswer && (
              <button
                class="btn small line"
                type="button"
                aria-label={`Answer message ${message.seq}`}
                onClick={() => onAnswer(thread, message)}
              >
                <Icon name="reply" />
                Answer
              </button>
            )}
            <button
              class="btn small line"
              type="button"
              aria-label={`Done: message ${message.seq} needs no answer`}
              onClick={() => onDone(thread, message)}
            >
              Done
            </button>
          </p>
        )}
      </div>
    </article>
  )
})

interface EndProps extends MessageProps {
  /** Whether the message is shown as text. */
  isPlain: boolean
  onPlain: () => void
}

/** Who wrote it, in a column of its own that no message can write into. */
function Writer({ message }: { message: MessageData }) {
  const line = describeAuthor(message)
  return (
    <div class="author" title={line && `${nameOf(message)} · ${line}`}>
      <span class="who">
        <Name>{nameOf(message)}</Name>
      </span>
      {line && (
        <span class="by">
          <Name>{line}</Name>
        </span>
      )}
    </div>
  )
}

function End(props: EndProps) {
  const { message, thread, onWhole, onAnswer, actionsFor, isPlain, onPlain } = props
  const { seq, created_at, content, content_length, redacted } = message
  const text = () => (content_length && onWhole ? onWhole(thread, seq) : content)
  const link = linkTo(thread, seq)
  const actions = actionsFor?.(thread, message) ?? []
  return (
    <div class="msg-end">
      <span class="acts">
        {!redacted && onAnswer && (
          <button
            class="btn small icon"
            type="button"
            aria-label="Answer"
            title="Answer (r)"
            onClick={() => onAnswer(thread, message)}
          >
            <Icon name="reply" />
          </button>
        )}
        {!redacted && <CopyButton text={text} label="Copy message" />}
        <CopyButton text={link} label="Copy link" icon="link" />
        {!redacted && (
          <button
            class="btn small icon"
            type="button"
            aria-label="Show as text"
            title="Show as text"
            aria-pressed={isPlain}
            onClick={onPlain}
          >
            <Icon name="text" />
          </button>
        )}
        <span class={actions.length > 0 ? 'more-acts' : 'more-acts same'}>
          <Menu
            class="btn small icon"
            label={`Actions for message ${seq}`}
            button={<Icon name="dots" />}
            items={[
              ...(redacted ? [] : [{ label: 'Copy message', run: () => void copyAndSay(text) }]),
              { label: 'Copy link', run: () => void copyAndSay(link) },
              ...(redacted ? [] : [{ label: 'Show as text', isChecked: isPlain, run: onPlain }]),
              ...actions,
            ]}
          />
        </span>
      </span>
      <time dateTime={created_at} title={formatExact(created_at)}>
        {formatClock(created_at)}
      </time>
      <a class="seq" tabIndex={-1} href={formatRoute({ at: 'thread', name: thread, seq })}>
        #{seq}
      </a>
    </div>
  )
}

async function copyAndSay(text: Copied): Promise<void> {
  if (await copyText(text)) say('Copied')
}

function linkTo(thread: string, seq: number): string {
  return `${boardBase.value}${formatRoute({ at: 'thread', name: thread, seq })}`
}

/** Surface, session and client of an author. */
export function describeAuthor(author: Author): string {
  if (isPerson(author)) return ''
  const { surface, session_tag, from, via } = author
  const parts = [surface, session_tag && from ? session_tag : '', via ? `via ${via}` : '']
  return parts.filter(Boolean).join(' · ')
}

/** For whom a message is. */
export function Addressed({ to }: { to: string | undefined }) {
  if (to === undefined) return null
  return (
    <span class={to === PERSON ? 'chip you' : 'chip'}>
      <Icon name="to" />
      <span class="vh">to</span>
      <span class="cut">{to === PERSON ? 'you' : <Name>{nameOfTag(to)}</Name>}</span>
    </span>
  )
}
