/** The field in which the person writes to a thread. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { isReadOnly, signIn, staysSignedIn } from '../relay/sign-in.ts'
import {
  addresseeOf,
  changedDraft,
  type Draft,
  loadDraft,
  type Quoted,
  saveDraft,
} from '../state/drafts.ts'
import { post, release } from '../state/outbox.ts'
import { formatRoute } from '../state/route.ts'
import { findMention } from '../text/tags.ts'
import { Addressee, knownTags } from './addressee.tsx'
import { Drawn } from './drawn.tsx'
import { Icon } from './icons.tsx'
import { isComposing, isMac } from './keys.ts'
import { Name, Text } from './text.tsx'

/** Characters of a message that the relay takes. */
const MAX_LENGTH = 100_000

interface ComposerProps {
  /** The thread; empty while a new one has no name yet. */
  thread: string
  /** Under which name the draft is kept. */
  draftName?: string
  placeholder: string
  /** Asked before sending; false when something else is missing. */
  beforeSend?: () => Promise<boolean>
  afterSend?: () => void
}

export function Composer(props: ComposerProps) {
  const { thread, draftName = thread, placeholder, beforeSend, afterSend } = props
  const [draft, setDraft] = useState(() => loadDraft(draftName))
  const [isPreview, setPreview] = useState(false)
  const [isKept, setKept] = useState(draft.text !== '')
  const field = useRef<HTMLTextAreaElement>(null)
  const isSending = useRef(false)
  const wantsFocus = useRef(false)

  useLayoutEffect(() => {
    const { thread: changed, focuses } = changedDraft.value
    if (changed !== draftName) return
    const kept = loadDraft(draftName)
    setDraft(kept)
    setKept(kept.text !== '')
    setPreview(false)
    if (!focuses) return
    changedDraft.value = {}
    wantsFocus.current = true
  }, [changedDraft.value])
  // At once: the next key is a letter of the text.
  useLayoutEffect(() => {
    if (!wantsFocus.current || !field.current) return
    wantsFocus.current = false
    field.current.focus()
  })

  if (isReadOnly.value) return <ReadOnly />

  const change = (next: typeof draft) => {
    setDraft(next)
    setKept(saveDraft(draftName, next))
  }
  // Counted only where it matters: characters are at most as many as the units of the string.
  const length = draft.text.length > MAX_LENGTH ? [...draft.text].length : 0
  const isTooLong = length > MAX_LENGTH
  const to = addresseeOf(draft)
  const send = async (event: Event) => {
    event.preventDefault()
    if (!draft.text.trim() || isTooLong || isSending.current) return
    isSending.current = true
    const mayGo = !beforeSend || (await beforeSend())
    isSending.current = false
    if (!mayGo) return
    post(thread, draft.text, to, draft.reply)
    // Text typed meanwhile stays, and so does whom the person writes to.
    const typed = loadDraft(draftName)
    const next = draftName === thread ? draft.to : ''
    change(typed.text === draft.text ? { text: '', to: next } : typed)
    setPreview(false)
    afterSend?.()
    field.current?.focus()
  }
  const address = (tag: string) => {
    const { reply, ...rest } = draft
    // An answer goes to someone.
    if (reply && tag) change({ ...draft, reply: { ...reply, to: tag } })
    else change({ ...rest, to: tag })
    field.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return
    if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) {
      // The second time, what the first one holds.
      if (draft.text) void send(event)
      else release(thread)
    }
    if (event.key === 'Escape') field.current?.blur()
  }
  return (
    <form class="composer" onSubmit={send} onKeyDown={onKeyDown}>
      {draft.reply && (
        <Quoting
          reply={draft.reply}
          thread={thread}
          onDrop={() => {
            const { reply: _, ...rest } = draft
            change(rest)
            field.current?.focus()
          }}
        />
      )}
      <label class="vh" for="write">
        {placeholder}
      </label>
      {isPreview ? (
        <div class="preview" tabIndex={0} role="region" aria-label="Preview">
          <Drawn text={draft.text} />
        </div>
      ) : (
        <textarea
          id="write"
          ref={field}
          rows={2}
          placeholder={placeholder}
          value={draft.text}
          aria-invalid={isTooLong}
          dir="auto"
          onInput={(event) => change({ ...draft, text: event.currentTarget.value })}
        />
      )}
      <Offer thread={thread} draft={draft} onTake={address} />
      <div class="composer-bar">
        <Addressee thread={thread} to={to} onChoose={address} />
        <button
          class="btn small quiet"
          id="to-write"
          type="button"
          aria-pressed={isPreview}
          disabled={!draft.text.trim()}
          onClick={() => setPreview(!isPreview)}
        >
          {isPreview ? 'Write' : 'Preview'}
        </button>
        <span class="hint" role="status">
          {isTooLong
            ? `${(length - MAX_LENGTH).toLocaleString()} characters too long`
            : isKept && draft.text !== '' && <span class="wide-only">Draft saved</span>}
        </span>
        <span class="grow" />
        <kbd class="wide-only">{isMac ? '⌘ Enter' : 'Ctrl Enter'}</kbd>
        <button
          class="btn primary send"
          type="submit"
          aria-disabled={!draft.text.trim() || isTooLong}
        >
          <span class="cut">
            Send{to && ' to '}
            {to && <Name>{to}</Name>}
          </span>
        </button>
      </div>
    </form>
  )
}

/** The message that the text answers. */
function Quoting({
  reply: { name, line, seq },
  thread,
  onDrop,
}: {
  reply: Quoted
  thread: string
  onDrop: () => void
}) {
  return (
    <p class="quoting">
      <Icon name="reply" />
      <span class="vh">Answers</span>
      <b class="cut">
        <Name>{name}</Name>
      </b>
      <span class="cut grow">
        <Text>{line}</Text>
      </span>
      <a class="seq" href={formatRoute({ at: 'thread', name: thread, seq })}>
        #{seq}
      </a>
      <button
        class="btn small icon"
        type="button"
        aria-label="Do not answer it"
        title="Do not answer it"
        onClick={onDrop}
      >
        <Icon name="close" />
      </button>
    </p>
  )
}

/** Offers to address a message that calls a reader by name; only the address tells the reader. */
function Offer({
  thread,
  draft,
  onTake,
}: {
  thread: string
  draft: Draft
  onTake: (to: string) => void
}) {
  const tag = addresseeOf(draft) ? undefined : findMention(draft.text, knownTags(thread))
  return (
    <p class="offer" role="status">
      {tag !== undefined && (
        <button class="btn small" type="button" onClick={() => onTake(tag)}>
          <span class="cut">
            Address it to <Name>{tag}</Name>?
          </span>
        </button>
      )}
    </p>
  )
}

function ReadOnly() {
  return (
    <p class="closed">
      <span class="grow">This sign-in may only read, so there is no field to write in.</span>
      <button class="btn line" type="button" onClick={() => void signIn(staysSignedIn())}>
        Sign in to write
      </button>
    </p>
  )
}
