/** The field in which the person writes to a thread. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { isReadOnly, signIn, staysSignedIn } from '../relay/sign-in.ts'
import { changedDraft, type Draft, loadDraft, saveDraft } from '../state/drafts.ts'
import { post } from '../state/outbox.ts'
import { findMention } from '../text/tags.ts'
import { Addressee, knownTags } from './addressee.tsx'
import { isComposing } from './keys.ts'
import { Markdown } from './markdown.tsx'
import { Name } from './text.tsx'

const isMac = /Mac|iP(hone|ad)/.test(navigator.userAgent)

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

  useEffect(() => {
    if (changedDraft.value.thread !== draftName) return
    const kept = loadDraft(draftName)
    setDraft(kept)
    setKept(kept.text !== '')
    setPreview(false)
  }, [changedDraft.value])

  if (isReadOnly.value) return <ReadOnly />

  const change = (next: typeof draft) => {
    setDraft(next)
    setKept(saveDraft(draftName, next))
  }
  const length = [...draft.text].length
  const isTooLong = length > MAX_LENGTH
  const send = async (event: Event) => {
    event.preventDefault()
    if (!draft.text.trim() || isTooLong || isSending.current) return
    isSending.current = true
    const mayGo = !beforeSend || (await beforeSend())
    isSending.current = false
    if (!mayGo) return
    post(thread, draft.text, draft.to)
    // Text typed meanwhile stays.
    const typed = loadDraft(draftName)
    change(typed.text === draft.text ? { text: '', to: draft.to } : typed)
    setPreview(false)
    afterSend?.()
    field.current?.focus()
  }
  const address = (to: string) => {
    change({ ...draft, to })
    field.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return
    if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) void send(event)
    if (event.key === 'Escape') field.current?.blur()
  }
  return (
    <form class="composer" onSubmit={send}>
      <label class="vh" for="write">
        {placeholder}
      </label>
      {isPreview ? (
        <div class="preview" tabIndex={0} role="region" aria-label="Preview">
          <Markdown text={draft.text} />
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
          onKeyDown={onKeyDown}
        />
      )}
      <Offer thread={thread} draft={draft} onTake={address} />
      <div class="composer-bar">
        <Addressee thread={thread} to={draft.to} onChoose={(to) => change({ ...draft, to })} />
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
            : isKept && <span class="wide-only">Draft saved</span>}
        </span>
        <span class="grow" />
        <kbd class="wide-only">{isMac ? '⌘ Enter' : 'Ctrl Enter'}</kbd>
        <button class="btn primary" type="submit" aria-disabled={!draft.text.trim() || isTooLong}>
          Send
        </button>
      </div>
    </form>
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
  const tag = draft.to ? undefined : findMention(draft.text, knownTags(thread))
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
