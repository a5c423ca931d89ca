/** Copying to the clipboard, and the button that does it. */
import { useState } from 'preact/hooks'
import { say } from '../state/status.ts'
import { Icon } from './icons.tsx'

/** A text, or how to get it. */
export type Copied = string | (() => string | Promise<string>)

/** Copies a text; says so at the edge of the page when it cannot. */
export async function copyText(copied: Copied): Promise<boolean> {
  let text: string
  try {
    text = typeof copied === 'string' ? copied : await copied()
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    return false
  }
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    if (copyBySelecting(text)) return true
    say('The browser did not let the board copy that.')
    return false
  }
}

/** The older way, which a frame or a page over http may still have. */
function copyBySelecting(text: string): boolean {
  const before = document.activeElement
  const field = document.createElement('textarea')
  field.value = text
  field.className = 'vh'
  document.body.append(field)
  field.select()
  const isDone = document.execCommand('copy')
  field.remove()
  if (before instanceof HTMLElement) before.focus()
  return isDone
}

interface CopyProps {
  text: Copied
  /** What a screen reader says. */
  label: string
  /** The word on the button; without one it is an icon only. */
  shown?: string
  icon?: 'copy' | 'link'
}

export function CopyButton({ text, label, shown, icon = 'copy' }: CopyProps) {
  const [isDone, setDone] = useState(false)
  const copy = async () => {
    if (!(await copyText(text))) return
    setDone(true)
    setTimeout(() => setDone(false), 2_000)
  }
  return (
    <button
      class={shown ? 'btn small quiet' : 'btn small icon'}
      type="button"
      aria-label={isDone ? 'Copied' : label}
      title={label}
      onClick={copy}
    >
      <Icon name={isDone ? 'check' : icon} />
      {shown && (isDone ? 'Copied' : shown)}
    </button>
  )
}
