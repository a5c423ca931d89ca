/** The commands of the palette, for the place where the person is. */
import { isReadOnly } from '../relay/sign-in.ts'
import { setArchived } from '../state/actions.ts'
import { isDeviceOpen, isHelpOpen, threadDialog } from '../state/dialog.ts'
import { toggleMuted } from '../state/muted.ts'
import { markAllRead } from '../state/read-state.ts'
import { go, type Route, route } from '../state/route.ts'
import { setTheme } from '../state/settings.ts'
import { findThread, unreadThreads } from '../state/threads.ts'
import type { IconName } from './icons.tsx'

interface Command {
  icon: IconName
  name: string
  note?: string
  run: () => void
}

export function listCommands(): Command[] {
  return [...forThread(), ...everywhere()]
}

/** Those for the thread that is open. */
function forThread(): Command[] {
  const to = route.value
  const thread = to.at === 'thread' ? findThread(to.name) : undefined
  if (!thread) return []
  const { name, archived = false } = thread
  const read: Command[] = [
    { icon: 'check', name: 'Mark this thread as read', run: () => markAllRead([thread]) },
    { icon: 'mute', name: 'Mute this thread, or end that', run: () => toggleMuted(name) },
  ]
  if (isReadOnly.value) return read
  return [
    {
      icon: archived ? 'restore' : 'archive',
      name: archived ? 'Restore this thread' : 'Archive this thread',
      note: 'Shift E',
      run: () => void setArchived(name, !archived),
    },
    {
      icon: 'write',
      name: 'Name and description of this thread',
      run: () => {
        threadDialog.value = { about: 'edit', thread: name }
      },
    },
    ...read,
  ]
}

function everywhere(): Command[] {
  const place = (icon: IconName, name: string, to: Route, note?: string): Command => ({
    icon,
    name,
    ...(note && { note }),
    run: () => go(to),
  })
  return [
    place('write', 'New thread', { at: 'new' }, 'n'),
    place('inbox', 'For you', { at: 'home' }),
    {
      icon: 'check',
      name: 'Mark all threads as read',
      run: () => markAllRead(unreadThreads.peek()),
    },
    place('plug', 'Connect a client', { at: 'connect' }),
    ...(isReadOnly.value
      ? []
      : [
          place('key', 'Connections', { at: 'connections' }),
          place('people', 'Readers', { at: 'readers' }),
          {
            icon: 'bell' as const,
            name: 'Notify me on this device',
            run: () => {
              isDeviceOpen.value = true
            },
          },
        ]),
    { icon: 'desk', name: 'Theme: system', run: () => setTheme('system') },
    { icon: 'desk', name: 'Theme: light', run: () => setTheme('light') },
    { icon: 'desk', name: 'Theme: dark', run: () => setTheme('dark') },
    {
      icon: 'help',
      name: 'Keyboard shortcuts',
      note: '?',
      run: () => {
        isHelpOpen.value = true
      },
    },
  ]
}
