/** The person's choices in this browser: theme and notifications. */
import { effect, signal } from '@preact/signals'
import { isReadOnly, isSignedIn } from '../relay/sign-in.ts'
import { storage } from '../relay/storage.ts'
import { isPerson, type Latest, nameOf, PERSON } from '../relay/types.ts'
import { toPlainLine } from '../text/characters.ts'
import { excerptOf } from '../text/words.ts'
import { isDeviceOpen } from './dialog.ts'
import { forYou, forYouCount, type Waiting } from './for-you.ts'
import { formatRoute, type Route, route } from './route.ts'
import { say } from './status.ts'
import { type Change, onChange } from './threads.ts'

export type Theme = 'system' | 'light' | 'dark'

export const theme = signal<Theme>((storage.getItem('relay-theme') as Theme | null) ?? 'system')

export function setTheme(next: Theme): void {
  theme.value = next
  if (next === 'system') {
    storage.removeItem('relay-theme')
    delete document.documentElement.dataset.theme
  } else {
    storage.setItem('relay-theme', next)
    document.documentElement.dataset.theme = next
  }
}

/** Where the id of this device is kept while it rings. */
export const DEVICE_STORE = 'relay-device'

/** Threads whose every message is announced; the empty name stands for messages to the person. */
export const announced = signal<ReadonlySet<string>>(
  new Set(JSON.parse(storage.getItem('relay-announced') ?? '[]')),
)

export const TO_ME = ''

/** Switches the notifications of a thread, or of messages to the person. */
export async function toggleAnnounced(name: string): Promise<void> {
  const next = new Set(announced.peek())
  if (next.has(name)) next.delete(name)
  else if (!('Notification' in globalThis))
    return say('This browser does not support notifications.')
  else if ((await Notification.requestPermission()) !== 'granted') {
    return say('The browser does not allow notifications here. Its settings for this site decide.')
  } else if (!showsNotifications()) {
    const onDevice = { label: 'On this device…', run: openDevice }
    return say(
      'This browser blocks notifications from web pages.',
      isReadOnly.peek() ? undefined : onDevice,
    )
  } else next.add(name)
  announced.value = next
  storage.setItem('relay-announced', JSON.stringify([...next]))
}

function openDevice(): void {
  isDeviceOpen.value = true
}

/** Announces a thread under its new name; without one, no longer. */
export function moveAnnounced(from: string, to?: string): void {
  if (!announced.peek().has(from)) return
  const next = new Set(announced.peek())
  next.delete(from)
  if (to !== undefined) next.add(to)
  announced.value = next
  storage.setItem('relay-announced', JSON.stringify([...next]))
}

/** Shows an example. Browsers on phones have a constructor for it, which throws when a page calls it. */
function showsNotifications(): boolean {
  try {
    new Notification('Relay', { body: 'Messages will be announced like this.', tag: 'relay' })
    return true
  } catch {
    return false
  }
}

/** Shows in the title and the icon what waits for the person, and announces news, from now on. */
export function followNews(): void {
  effect(() => {
    const count = forYouCount.value
    const place = titleOf(route.value)
    document.title = `${count > 0 ? `(${count}) ` : ''}${place} · Relay`
    const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]')
    if (icon) icon.href = count > 0 ? 'icon-unread.svg' : 'icon.svg'
    // The icon of the installed board. Until the relay has said, the count of the last push message stays.
    if (forYou.value || !isSignedIn.value) void navigator.setAppBadge?.(count).catch(() => {})
  })
  onChange(announceThreads)
}

/** The name of a place in the title. */
function titleOf(to: Route): string {
  switch (to.at) {
    case 'thread':
      return toPlainLine(to.name)
    case 'search':
      return to.q ? `Search: ${to.q}` : 'Search'
    case 'new':
      return 'New thread'
    case 'home':
      return 'For you'
    default:
      return `${to.at[0]?.toUpperCase()}${to.at.slice(1)}`
  }
}

/** Notifies the person of messages to them, unless they are looking at the board. */
export function announceForYou(messages: Waiting[]): void {
  // The device that rings would show each twice.
  if (!announced.peek().has(TO_ME) || storage.getItem(DEVICE_STORE)) return
  // Of a thread, the newest takes the place of the others.
  for (const message of messages.toReversed()) {
    notify(message.thread_name, { ...message, excerpt: message.content.slice(0, EXCERPT) })
  }
}

/** Notifies the person of every message in the threads that they have chosen. */
function announceThreads(changes: Change[]): void {
  for (const { now, before } of changes) {
    const { name, latest, unread_count = 0 } = now
    if (!latest || unread_count === 0 || !announced.peek().has(name) || isPerson(latest)) continue
    // In a thread outside the list, the new messages are at most the unread ones.
    const last = before ? (before.latest?.seq ?? 0) : latest.seq - unread_count
    const isMine = announced.peek().has(TO_ME) || storage.getItem(DEVICE_STORE)
    const isForMe = latest.to === PERSON && isMine
    if (latest.seq > last && !isForMe) notify(name, latest)
  }
}

/** Characters of a message that a notification shows: as many as the list does. */
const EXCERPT = 120

function notify(name: string, latest: Latest): void {
  if (document.hasFocus() || Notification.permission !== 'granted') return
  try {
    const options = {
      body: `${toPlainLine(nameOf(latest))}: ${toPlainLine(excerptOf(latest))}`,
      icon: 'icon-192.png',
      tag: name,
      // A second message of a thread takes the place of the first, and should still be noticed.
      renotify: true,
    }
    const notification = new Notification(toPlainLine(name), options)
    notification.onclick = () => {
      window.focus()
      location.hash = formatRoute({ at: 'thread', name, seq: latest.seq })
    }
  } catch {
    // Some phones let only a background program notify.
  }
}
