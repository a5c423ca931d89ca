/** The menu at the foot: theme, notifications, help, signing out. */

import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { signOut } from '../relay/sign-in.ts'
import { announced, setTheme, TO_ME, theme, toggleAnnounced } from '../state/settings.ts'
import { Icon } from './icons.tsx'
import { Menu } from './menu.tsx'

/** Whether the keyboard shortcuts are shown. */
export const isHelpOpen = signal(false)

const THEMES = [
  ['system', 'Theme: system'],
  ['light', 'Theme: light'],
  ['dark', 'Theme: dark'],
] as const

export function SettingsMenu() {
  return (
    <>
      <button
        class="btn icon wide-only"
        type="button"
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts (?)"
        onClick={() => {
          isHelpOpen.value = true
        }}
      >
        <Icon name="help" />
      </button>
      <Menu
        class="btn icon"
        label="Settings"
        opens="up"
        button={<Icon name="dots" />}
        items={[
          ...THEMES.map(([name, label]) => ({
            label,
            isChecked: theme.value === name,
            run: () => setTheme(name),
          })),
          {
            label: (
              <>
                <Icon name="bell" />
                Notify me of messages to me
              </>
            ),
            hasLine: true,
            isChecked: announced.value.has(TO_ME),
            run: () => void toggleAnnounced(TO_ME),
          },
          {
            label: (
              <>
                <Icon name="out" />
                Sign out
              </>
            ),
            hasLine: true,
            run: signOut,
          },
        ]}
      />
    </>
  )
}

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
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (isHelpOpen.value) dialog.current?.showModal()
    else dialog.current?.close()
  }, [isHelpOpen.value])
  const close = () => {
    isHelpOpen.value = false
  }
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="help" onClose={close}>
      <div class="dialog-head">
        <h2 id="help">Keyboard shortcuts</h2>
        <button class="btn icon" type="button" aria-label="Close" onClick={close}>
          <Icon name="close" />
        </button>
      </div>
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
    </dialog>
  )
}
