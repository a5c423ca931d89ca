/** The field above the list: it filters the threads, opens the first of them, or searches all messages. */
import { computed, signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { callTool } from '../relay/client.ts'
import { PERSON, type Thread } from '../relay/types.ts'
import { go, route } from '../state/route.ts'
import { threads, unlisted } from '../state/threads.ts'
import { Icon } from './icons.tsx'
import { isComposing, isMac } from './keys.ts'

/** The text in the field. */
export const filter = signal('')

/** Threads that the relay found by that text and the list does not hold. */
const found = signal<Thread[]>([])

export const matching = computed(() => {
  const wanted = filter.value.trim().toLowerCase()
  const all = threads.value ?? []
  if (!wanted) return all
  const isWanted = ({ name, description = '' }: Thread) =>
    `${name}\n${description}`.toLowerCase().includes(wanted)
  const known = new Set(all.map(({ name }) => name))
  return [...all.filter(isWanted), ...found.value.filter(({ name }) => !known.has(name))]
})

/** The active threads as they are listed, for `j` and `k`. */
export const listed = computed(() => matching.value.filter(({ archived }) => !archived))

export function FilterField() {
  const text = filter.value
  const setText = (next: string) => {
    filter.value = next
  }
  useEffect(() => {
    found.value = []
    if (unlisted.peek() === 0 || !text.trim()) return
    const stop = new AbortController()
    const timer = setTimeout(() => void findUnlisted(text.trim(), stop.signal), 250)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [text])
  // Who has gone somewhere wants the whole list again.
  useEffect(() => setText(''), [route.value])
  const onKeyDown = (event: KeyboardEvent) => {
    // Enter may only confirm an offer of an input method.
    if (isComposing(event)) return
    const q = text.trim()
    if (event.key === 'Enter' && q) {
      const first = event.metaKey || event.ctrlKey ? undefined : findFirst()
      go(first ? { at: 'thread', name: first.name } : { at: 'search', q })
    }
    if (event.key === 'ArrowDown') {
      event.preventDefault()
      rowsOf(document.querySelector('.list'))[0]?.focus()
    }
    if (event.key === 'Escape') {
      setText('')
      ;(event.currentTarget as HTMLElement).blur()
    }
  }
  return (
    <div class="side-search">
      <label class="field">
        <Icon name="search" />
        <span class="vh">Filter threads, or search all messages</span>
        <input
          id="filter"
          type="search"
          placeholder="Filter or search"
          autocomplete="off"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        {text ? (
          <button class="btn icon" type="button" aria-label="Clear" onClick={() => setText('')}>
            <Icon name="close" />
          </button>
        ) : (
          <span class="wide-only" data-key={isMac ? '⌘ K' : 'Ctrl K'} />
        )}
      </label>
    </div>
  )
}

/** The thread that Enter opens: active ones are listed first. */
function findFirst(): Thread | undefined {
  return listed.peek()[0] ?? matching.peek()[0]
}

/** Up and down go from row to row, and above the first one to the field. */
export function moveInList(event: KeyboardEvent): void {
  const { key, target, currentTarget } = event
  if ((key !== 'ArrowDown' && key !== 'ArrowUp') || !(target as Element).matches('.row')) return
  event.preventDefault()
  const rows = rowsOf(currentTarget as Element)
  const at = rows.indexOf(target as HTMLElement) + (key === 'ArrowDown' ? 1 : -1)
  const next = at < 0 ? document.getElementById('filter') : rows[at]
  next?.focus()
}

function rowsOf(list: Element | null): HTMLElement[] {
  const rows = [...(list?.querySelectorAll<HTMLElement>('.row') ?? [])]
  return rows.filter((row) => row.checkVisibility())
}

async function findUnlisted(query: string, signal: AbortSignal): Promise<void> {
  const args = { reader_tag: PERSON, include_archived: true, preview: true, query, limit: 50 }
  try {
    found.value = (await callTool('relay_list_threads', args, signal)).threads
  } catch {
    // The list that is known is filtered anyway.
  }
}
