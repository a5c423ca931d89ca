/** Text in which the messages that it names are links, where they exist. */
import { signal } from '@preact/signals'
import { findReferences, type Reference } from '../text/references.ts'
import { Text } from './text.tsx'

/** The address of a message, if there is one; the view for chats, which cannot open it, has none. */
export const resolve = signal<(reference: Reference) => string | undefined>(() => undefined)

export function Linked({ children }: { children: string }) {
  return (
    <>
      {findReferences(children).map((piece) => {
        if (typeof piece === 'string') return <Text>{piece}</Text>
        const href = resolve.value(piece)
        if (href === undefined) return <Text>{piece.text}</Text>
        return (
          <a class="ref" href={href}>
            {piece.text}
          </a>
        )
      })}
    </>
  )
}
