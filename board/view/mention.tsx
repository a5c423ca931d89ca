/** The readers that are offered while the person types `@`, and choosing one of them. */
import { useState } from 'preact/hooks'
import { filterTags } from '../text/tags.ts'
import { knownTags, Reader } from './addressee.tsx'

/** Readers that are offered at once. */
const MOST = 6

interface Typed {
  /** The text before the `@`, after the caret, and between. */
  before: string
  after: string
  query: string
}

/** The part of a name that is typed at the caret; a mail address has a letter before its `@`. */
function findTyped(text: string, caret: number): Typed | undefined {
  const [found, query = ''] =
    /(?<![\p{L}\p{N}@._/-])@([\p{L}\p{N}._-]*)$/u.exec(text.slice(0, caret)) ?? []
  if (found === undefined) return undefined
  return { before: text.slice(0, caret - found.length), after: text.slice(caret), query }
}

/** `onChoose` gets the tag, and the text before and after what was typed of it. */
export function useMention(
  thread: string,
  onChoose: (tag: string, before: string, after: string) => void,
) {
  const [typed, setTyped] = useState<Typed>()
  const [at, setAt] = useState(0)
  const tags = typed ? filterTags(knownTags(thread), typed.query).slice(0, MOST) : []
  const isOpen = tags.length > 0
  const current = Math.min(at, tags.length - 1)
  const close = () => setTyped(undefined)
  const choose = (tag: string | undefined) => {
    if (typed && tag) onChoose(tag, typed.before, typed.after)
    close()
  }
  return {
    tags,
    current,
    close,
    choose,
    aria: isOpen && {
      'aria-autocomplete': 'list' as const,
      'aria-controls': 'mention',
      'aria-activedescendant': `mention-${current}`,
    },
    /** Follows the caret. */
    follow({ value, selectionStart, selectionEnd }: HTMLTextAreaElement) {
      const next = selectionStart === selectionEnd ? findTyped(value, selectionStart) : undefined
      if (next?.query === typed?.query && next?.before === typed?.before) return
      setTyped(next)
      setAt(0)
    },
    /** Returns whether the key was for the list. */
    onKeyDown(event: KeyboardEvent): boolean {
      if (!isOpen || event.metaKey || event.ctrlKey) return false
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
      if (by !== undefined) setAt((current + by + tags.length) % tags.length)
      else if (event.key === 'Enter' || event.key === 'Tab') choose(tags[current])
      else if (event.key === 'Escape') close()
      else return false
      event.preventDefault()
      return true
    },
  }
}

export function MentionList({ mention }: { mention: ReturnType<typeof useMention> }) {
  const { tags, current, choose } = mention
  if (tags.length === 0) return null
  return (
    <div class="mention" id="mention" role="listbox" aria-label="Readers">
      {tags.map((tag, i) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the keys go to the field.
        <div
          class="option"
          id={`mention-${i}`}
          role="option"
          tabIndex={-1}
          aria-selected={i === current}
          // Before the field loses the focus, which closes the list.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => choose(tag)}
        >
          <Reader tag={tag} />
        </div>
      ))}
    </div>
  )
}
