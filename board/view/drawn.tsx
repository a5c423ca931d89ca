/**
 * A message's text as it is drawn: from its Markdown, whose reader is a file of its own that no list needs. As
 * long as that cannot be loaded, as text.
 */
import { signal } from '@preact/signals'
import { Text } from './text.tsx'

type Parts = typeof import('./reader.ts')

/** The view for chats has no frame for long messages. */
type Reader = Pick<Parts, 'Markdown'> & Partial<Parts>

/** The reader; undefined while it is loaded. */
export const reader = signal<Reader | 'failed' | undefined>(undefined)

/** Loads the reader, unless it is there; after a failure it can be called again. */
export async function loadReader(): Promise<void> {
  if (typeof reader.peek() === 'object') return
  try {
    reader.value = await import('./reader.ts')
  } catch {
    reader.value = 'failed'
  }
}

export function Drawn({ text, isPlain = false }: { text: string; isPlain?: boolean }) {
  const loaded = reader.value
  if (typeof loaded === 'object') return <loaded.Markdown text={text} isPlain={isPlain} />
  return (
    <div class="md" dir="auto">
      <p class="plain">
        <Text>{text}</Text>
      </p>
    </div>
  )
}
