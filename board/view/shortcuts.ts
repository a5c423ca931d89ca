/** The keys that work anywhere outside of a field. */
import { isReadOnly, isSignedIn } from '../relay/sign-in.ts'
import { isPerson, type Message, PERSON } from '../relay/types.ts'
import { setArchived } from '../state/actions.ts'
import { answer } from '../state/answering.ts'
import { isHelpOpen, isPaletteOpen } from '../state/dialog.ts'
import { go, route } from '../state/route.ts'
import { hideToast, toast } from '../state/status.ts'
import { settle } from '../state/taking-back.ts'
import { findThread } from '../state/threads.ts'
import { transcript } from '../state/transcript.ts'
import { listed } from './filter.tsx'
import { pressRow, stepRow } from './rows.ts'

export function focusOn(id: string): void {
  document.getElementById(id)?.focus()
}

export function onKey(event: KeyboardEvent): void {
  const { target, key } = event
  if ((event.metaKey || event.ctrlKey) && !event.shiftKey && key.toLowerCase() === 'k') {
    if (!isSignedIn.peek() || document.querySelector('dialog[open]')) return
    event.preventDefault()
    isPaletteOpen.value = true
    return
  }
  const isTyping =
    target instanceof Element && target.closest('input, textarea, dialog, [role=menu]')
  if (isTyping || event.metaKey || event.ctrlKey || event.altKey || !isSignedIn.peek()) return
  const run = KEYS[key]
  if (!run) return
  event.preventDefault()
  run()
}

const KEYS: Record<string, () => void> = {
  j: () => step(1),
  k: () => step(-1),
  '/': () => {
    const field = document.getElementById('filter')
    // On a phone the list may be behind the pane.
    if (field?.offsetParent) field.focus()
    else go({ at: 'search' })
  },
  c: () => {
    // In the preview the field is behind a button.
    if (document.getElementById('write')) focusOn('write')
    else if (document.querySelector('.preview')) {
      document.getElementById('to-write')?.click()
      requestAnimationFrame(() => focusOn('write'))
    } else go({ at: 'new' })
  },
  n: () => go({ at: 'new' }),
  r: () => {
    if (isReadOnly.peek()) return
    if (route.peek().at === 'home') pressRow('answer')
    else act(answer, (each) => !isPerson(each))
  },
  e: () => {
    if (isReadOnly.peek()) return
    if (route.peek().at === 'home') pressRow('done')
    else act(settle)
  },
  h: () => {
    if (route.peek().at === 'home') pressRow('put-off')
  },
  E: () => {
    const to = route.peek()
    if (to.at !== 'thread' || isReadOnly.peek()) return
    void setArchived(to.name, findThread(to.name)?.archived !== true)
  },
  z: () => {
    const action = toast.peek()?.action
    if (action?.label !== 'Undo') return
    hideToast()
    action.run()
  },
  '?': () => {
    isHelpOpen.value = true
  },
  End: toEnd,
  Escape: () => {
    if (toast.peek()) hideToast()
    else toEnd()
  },
}

/** To the latest message of the open thread, which the browser's own key does not know. */
function toEnd(): void {
  document.querySelector<HTMLElement>('.pill')?.click()
}

/**
 * Does something to the message with the focus. Without one, to the last that waits for the person or, where it
 * may, to the last of all.
 */
function act(
  run: (thread: string, message: Message) => void,
  otherwise?: (message: Message) => boolean,
): void {
  const open = transcript.peek()
  if (!open) return
  const waits = (each: Message) => each.open === true && each.to === PERSON
  const focused = document.activeElement?.closest<HTMLElement>('.msg')?.dataset.seq
  const own = open.messages.find(({ seq }) => seq === Number(focused))
  const last = open.messages.findLast(waits) ?? (otherwise && open.messages.findLast(otherwise))
  const message = focused === undefined ? last : own
  if (message && !message.redacted && (otherwise || waits(message))) run(open.name, message)
}

function step(by: number): void {
  const to = route.peek()
  if (to.at === 'home' && stepRow(by)) return
  const names = listed.peek().map(({ name }) => name)
  const at = to.at === 'thread' ? names.indexOf(to.name) : -1
  const next = names[at < 0 ? 0 : at + by]
  if (next === undefined) return
  go({ at: 'thread', name: next }, to.at === 'thread')
  requestAnimationFrame(() =>
    document.querySelector('.row[aria-current]')?.scrollIntoView({ block: 'nearest' }),
  )
}
