/** A long message that is shown whole: a head that stays at the top, and an outline of its headings. */
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { type Message, nameOf } from '../relay/types.ts'
import { Face } from './face.tsx'
import { Icon } from './icons.tsx'
import { scrollTo } from './scrolling.ts'
import { Name, Text } from './text.tsx'

/** Headings from which a text has an outline, and the most that it lists. */
const FEWEST = 3
const MOST = 200

interface DocumentProps {
  message: Message
  /** Characters. */
  length: number
  isPlain: boolean
  onLess: (event: { currentTarget: Element }) => void
  children: ComponentChildren
}

export function Document({ message, length, isPlain, onLess, children }: DocumentProps) {
  const body = useRef<HTMLDivElement>(null)
  const [headings, setHeadings] = useState<HTMLElement[]>([])
  const [isOpen, setOpen] = useState(() => matchMedia('(min-width: 900px)').matches)
  useLayoutEffect(() => setHeadings(findHeadings(body.current)), [message, isPlain])
  const [first] = headings
  const listed = withoutTitle(headings).slice(0, MOST)
  const hasOutline = listed.length >= FEWEST
  return (
    <>
      <div class="doc-head">
        <Face author={message} />
        <span class="doc-text">
          <b class="who">
            <Name>{nameOf(message)}</Name>
          </b>
          <span class="cut">
            {first ? (
              <Text>{first.textContent}</Text>
            ) : (
              <span class="by">{length.toLocaleString()} characters</span>
            )}
          </span>
        </span>
        {hasOutline && (
          <button
            class="btn small quiet"
            type="button"
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
          >
            <Icon name="text" />
            Outline
          </button>
        )}
        <button class="btn small quiet less" type="button" onClick={onLess}>
          Show less
        </button>
      </div>
      {hasOutline && isOpen && (
        <nav class="outline" aria-label={`Outline of message ${message.seq}`}>
          <ol>
            {listed.map((heading) => (
              <li class={heading.localName === listed[0]?.localName ? undefined : 'deeper'}>
                <button type="button" onClick={() => goTo(heading)}>
                  <Text>{heading.textContent}</Text>
                </button>
              </li>
            ))}
          </ol>
        </nav>
      )}
      <div ref={body}>{children}</div>
    </>
  )
}

/** The headings of the text itself, not of what it quotes. */
function findHeadings(body: Element | null): HTMLElement[] {
  return [...(body?.querySelectorAll<HTMLElement>('.md > :is(h4, h5, h6)') ?? [])]
}

/** The first heading is the title, if no other is of its level. */
function withoutTitle([first, ...rest]: HTMLElement[]): HTMLElement[] {
  if (!first) return []
  const isTitle = rest.every((each) => each.localName > first.localName)
  return isTitle ? rest : [first, ...rest]
}

function goTo(heading: HTMLElement): void {
  heading.tabIndex = -1
  heading.focus({ preventScroll: true })
  const box = heading.closest<HTMLElement>('.scroll')
  if (box) scrollTo(box, heading, false)
  else heading.scrollIntoView()
}
