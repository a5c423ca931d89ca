/** The menu at the foot: theme, notifications, help, signing out. */
import { endSignIn } from '../relay/manage.ts'
import { isReadOnly } from '../relay/sign-in.ts'
import { isDeviceOpen, isHelpOpen } from '../state/dialog.ts'
import { sendHeld } from '../state/outbox.ts'
import { go } from '../state/route.ts'
import { announced, setTheme, TO_ME, theme, toggleAnnounced } from '../state/settings.ts'
import { actNow } from '../state/undo.ts'
import { Icon } from './icons.tsx'
import { Menu } from './menu.tsx'

const THEMES = [
  ['system', 'Theme: system'],
  ['light', 'Theme: light'],
  ['dark', 'Theme: dark'],
] as const

const PAGES = [
  { at: 'connections', icon: 'key', label: 'Connections' },
  { at: 'readers', icon: 'people', label: 'Readers' },
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
            isRadio: true,
            run: () => setTheme(name),
          })),
          {
            label: (
              <>
                <Icon name="bell" />
                Notify me in this tab
              </>
            ),
            hasLine: true,
            isChecked: announced.value.has(TO_ME),
            run: () => void toggleAnnounced(TO_ME),
          },
          ...(isReadOnly.value
            ? []
            : [
                {
                  label: (
                    <>
                      <Icon name="bell" />
                      Notify me on this device…
                    </>
                  ),
                  run: () => {
                    isDeviceOpen.value = true
                  },
                },
              ]),
          ...(isReadOnly.value ? [] : PAGES).map(({ at, icon, label }, i) => ({
            label: (
              <>
                <Icon name={icon} />
                {label}
              </>
            ),
            hasLine: i === 0,
            run: () => go({ at }),
          })),
          {
            label: (
              <>
                <Icon name="out" />
                Sign out
              </>
            ),
            hasLine: true,
            run: () => {
              // Before the cut: afterwards the relay would refuse them.
              actNow()
              sendHeld()
              void endSignIn()
            },
          },
        ]}
      />
    </>
  )
}
