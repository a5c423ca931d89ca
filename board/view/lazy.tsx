/** Loads the parts in later.tsx, and shows one of them as soon as they are there. */
import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { say } from '../state/status.ts'
import { Case, MessageSkeleton } from './panes.tsx'

type Parts = typeof import('./later.tsx')

const parts = signal<Parts | 'failed' | undefined>(undefined)

const FAILED = 'This part could not be loaded'

let loading: Promise<Parts | undefined> | undefined

/** Loads the parts, unless they are there; after a failure it can be called again. */
export function loadParts(): Promise<Parts | undefined> {
  loading ??= load()
  return loading
}

async function load(): Promise<Parts | undefined> {
  try {
    const [later] = await Promise.all([import('./later.tsx'), loadStyle()])
    parts.value = later
    return later
  } catch {
    loading = undefined
    parts.value = 'failed'
    return undefined
  }
}

/** Loads the parts' style, whose name has a digest that only the page knows. */
function loadStyle(): Promise<unknown> {
  const { content } = document.querySelector('meta[name=relay-parts]') as HTMLMetaElement
  const link = document.createElement('link')
  link.rel = 'stylesheet'
  link.href = content
  return new Promise((resolve, reject) => {
    link.onload = resolve
    link.onerror = reject
    document.head.append(link)
  })
}

/** The parts, for what a press of a button needs of them. Throws an error for people. */
export async function requireParts(): Promise<Parts> {
  const loaded = await loadParts()
  if (loaded) return loaded
  throw new Error(`${FAILED}. Reload the page.`)
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
    void loadParts()
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
