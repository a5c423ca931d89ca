/** A message's content: drawn from its Markdown or as text, and folded when it is long. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { noteFault, say } from '../state/status.ts'
import { Drawn, reader } from './drawn.tsx'
import type { MessageProps } from './message.tsx'
import { scrollTo, settle } from './scrolling.ts'
import { Text } from './text.tsx'

/** Characters beyond which a message is folded, and those that are shown of it then. */
const LONG = 4_000
const FOLDED = 1_500

interface ContentProps extends Pick<MessageProps, 'message' | 'thread' | 'onWhole'> {
  isPlain: boolean
}

export function Content({ message, thread, isPlain, onWhole }: ContentProps) {
  const { content, content_length, seq } = message
  const length = content_length ?? [...content].length
  const [isOpen, setOpen] = useState(false)
  const [isFound, setFound] = useState(false)
  if (length <= LONG) return <Drawn text={content} isPlain={isPlain} />
  const open = async () => {
    try {
      if (content_length) await onWhole?.(thread, seq)
      setOpen(true)
      setFound(false)
    } catch (error) {
      say(noteFault(error).message)
    }
  }
  if (isOpen && !content_length) {
    const close = ({ currentTarget }: { currentTarget: Element }) => {
      const message = currentTarget.closest<HTMLElement>('.msg')
      setOpen(false)
      if (message) requestAnimationFrame(() => showHead(message))
    }
    const Frame = typeof reader.value === 'object' ? reader.value.Document : undefined
    const drawn = <Drawn text={content} isPlain={isPlain} />
    if (Frame) {
      return (
        <Frame message={message} length={length} isPlain={isPlain} onLess={close}>
          {drawn}
        </Frame>
      )
    }
    return (
      <>
        {drawn}
        <button class="btn small quiet" type="button" onClick={close}>
          Show less
        </button>
      </>
    )
  }
  const start = content.slice(0, FOLDED).replace(/[\ud800-\udbff]$/, '')
  return (
    <>
      <div class={isFound ? 'md' : 'long'}>
        <Drawn text={start} isPlain={isPlain} />
      </div>
      <Rest text={content.slice(start.length)} isFound={isFound} onFound={() => setFound(true)} />
      {onWhole || !content_length ? (
        <button class="btn small quiet more" type="button" onClick={open}>
          Show all {length.toLocaleString()} characters
        </button>
      ) : (
        <p class="by">The first of {length.toLocaleString()} characters</p>
      )}
    </>
  )
}

/** Brings the head of a message that was folded back to the top, if it is above it. */
function showHead(message: HTMLElement): void {
  const box = message.closest<HTMLElement>('.scroll')
  const top = message.getBoundingClientRect().top
  if (!box || top >= box.getBoundingClientRect().top) return
  settle(() => {
    scrollTo(box, message, false)
    return box.scrollTop
  })
}

interface RestProps {
  text: string
  isFound: boolean
  onFound: () => void
}

/**
 * The folded text, for the browser's own search. A match stays the same text in the same element, or
 * the browser would lose it.
 */
function Rest({ text, isFound, onFound }: RestProps) {
  const rest = useRef<HTMLDivElement>(null)
  useEffect(() => {
    rest.current?.addEventListener('beforematch', onFound)
    return () => rest.current?.removeEventListener('beforematch', onFound)
  }, [])
  return (
    <div class="md rest" dir="auto" ref={rest} hidden={isFound ? false : 'until-found'}>
      <p class="plain">
        <Text>{text}</Text>
      </p>
    </div>
  )
}
