/** Copying to the clipboard, and the button that does it. */
import { useState } from 'preact/hooks'
import { say } from '../state/status.ts'
import { writeClipboard } from '../text/clipboard.ts'
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
  if (await writeClipboard(text)) return true
  say('The browser blocked copying.')
  return false
}

interface CopyProps {
  text: Copied
  /** The text for screen readers. */
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
