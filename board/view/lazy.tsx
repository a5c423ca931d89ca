/** Loads the parts in later.tsx, and shows one of them as soon as they are there. */
import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { say } from '../state/status.ts'
import { Case, MessageSkeleton } from './panes.tsx'

type Parts = typeof import('./later.tsx')

const parts = signal<Parts | 'failed' | undefined>(undefined)

const FAILED = 'This part could not be loaded'

/** Loads the parts, unless they are there; after a failure it can be called again. */
export async function loadParts(): Promise<void> {
  try {
    parts.value = await import('./later.tsx')
  } catch {
    parts.value = 'failed'
  }
}

/** A pane, or something above the page with `isOverlay`. */
export function Later({
  isOverlay,
  children,
}: {
  isOverlay?: boolean
  children: (parts: Parts) => ComponentChildren
}) {
  useEffect(() => {
    if (typeof parts.peek() !== 'object') void loadParts()
  }, [])
  const loaded = parts.value
  useEffect(() => {
    if (isOverlay && loaded === 'failed') say(`${FAILED}. Reload the page.`)
  }, [loaded])
  if (typeof loaded === 'object') return <>{children(loaded)}</>
  if (isOverlay) return null
  return (
    <section class="pane" aria-label="Loading">
      {loaded === 'failed' ? (
        <Case title={FAILED} text="The relay may be out of reach, or newer than this page.">
          <button class="btn primary" type="button" onClick={() => location.reload()}>
            Reload the page
          </button>
        </Case>
      ) : (
        <MessageSkeleton />
      )}
    </section>
  )
}
