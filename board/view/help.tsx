/** The keyboard shortcuts. */
import { isHelpOpen } from '../state/dialog.ts'
import { Dialog } from './dialog.tsx'

const KEYS = [
  ['j, k', 'Next and previous thread'],
  ['↑, ↓', 'From message to message'],
  ['/', 'Filter threads, search messages'],
  ['c', 'Write'],
  ['n', 'New thread'],
  ['e', 'Archive the thread, or restore it'],
  ['Ctrl or ⌘ Enter', 'Send'],
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
