/** The keyboard shortcuts. */
import { isHelpOpen } from '../state/dialog.ts'
import { Dialog } from './dialog.tsx'

const KEYS = [
  ['j, k', 'Next and previous: what waits for you, then threads'],
  ['↑, ↓', 'From message to message'],
  ['End', 'To the latest message'],
  ['r', 'Answer the message'],
  ['e', 'Done: the message needs no answer'],
  ['h', 'Later: it comes back'],
  ['z', 'Undo, while it is offered'],
  ['Ctrl or ⌘ K', 'Go anywhere: threads, readers, commands, messages'],
  ['/', 'Go to a thread, search messages'],
  ['c', 'Write'],
  ['n', 'New thread'],
  ['Shift E', 'Archive the thread, or restore it'],
  ['Ctrl or ⌘ Enter', 'Send; twice: without the time to undo'],
  ['Esc', 'Leave the field or close the dialog'],
  ['?', 'This list'],
]

export function Help() {
  const close = () => {
    isHelpOpen.value = false
  }
  return (
    <Dialog title="Keyboard shortcuts" onClose={close}>
      <dl class="keys">
        {KEYS.map(([keys, meaning]) => (
          <>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </>
        ))}
      </dl>
    </Dialog>
  )
}
