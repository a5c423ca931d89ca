/** The field in which the person writes to a thread. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { isReadOnly } from '../relay/sign-in.ts'
import { addresseeOf, changedDraft, loadDraft, saveDraft } from '../state/drafts.ts'
import { post, release } from '../state/outbox.ts'
import { Addressee } from './addressee.tsx'
import { Offer, Quoting, ReadOnly } from './composer-parts.tsx'
import { Drawn } from './drawn.tsx'
import { isComposing, isMac } from './keys.ts'
import { MentionList, useMention } from './mention.tsx'
import { Name } from './text.tsx'

/** Characters of a message that the relay takes. */
const MAX_LENGTH = 100_000

/** Characters that fill the field anyway, so that it need not be measured at each key. */
const LONG = 10_000

/** A first letter of Hebrew, Arabic and their relatives. */
const RIGHT_TO_LEFT = /^\P{L}*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u

/** With "auto" the browser looks for the direction of each line, of the whole text at each key. */
function directionOf(text: string): 'auto' | 'ltr' | 'rtl' {
  if (text.length <= LONG) return 'auto'
  return RIGHT_TO_LEFT.test(text) ? 'rtl' : 'ltr'
}

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
  /** Where to write on, after a name was put into the text. */
  const caret = useRef<number | undefined>(undefined)

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
    if (caret.current === undefined) return
    field.current?.setSelectionRange(caret.current, caret.current)
    caret.current = undefined
  })
  useLayoutEffect(() => {
    if (!wantsFocus.current || !field.current) return
    wantsFocus.current = false
    field.current.focus()
  })

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
  const address = (tag: string, text = draft.text) => {
    const { reply, ...rest } = { ...draft, text }
    // An answer goes to someone.
    if (reply && tag) change({ ...rest, reply: { ...reply, to: tag } })
    else change({ ...rest, to: tag })
    field.current?.focus()
  }
  const mention = useMention(thread, (tag, before, after) => {
    address(tag, `${before}@${tag} ${after}`)
    caret.current = before.length + tag.length + 2
  })
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event) || mention.onKeyDown(event)) return
    if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) {
      // The second time, what the first one holds.
      if (draft.text) void send(event)
      else release(thread)
    }
    if (event.key === 'Escape') field.current?.blur()
  }
  if (isReadOnly.value) return <ReadOnly />
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
          class={draft.text.length > LONG ? 'filled' : undefined}
          ref={field}
          rows={2}
          placeholder={placeholder}
          value={draft.text}
          aria-invalid={isTooLong}
          dir={directionOf(draft.text)}
          {...mention.aria}
          onInput={(event) => {
            change({ ...draft, text: event.currentTarget.value })
            mention.follow(event.currentTarget)
          }}
          onSelect={(event) => mention.follow(event.currentTarget)}
          onBlur={mention.close}
        />
      )}
      <MentionList mention={mention} />
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
