/** The person's choices in this browser: theme and notifications. */
import { effect, signal } from '@preact/signals'
import { callTool } from '../relay/client.ts'
import { storage } from '../relay/storage.ts'
import { isPerson, type Latest, nameOf, PERSON } from '../relay/types.ts'
import { toPlainLine } from '../text/characters.ts'
import { formatRoute } from './route.ts'
import { say } from './status.ts'
import { type Change, onChange, unreadTotal } from './threads.ts'
import { transcript } from './transcript.ts'

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
    return say('This browser blocks notifications from web pages.')
  } else next.add(name)
  announced.value = next
  storage.setItem('relay-announced', JSON.stringify([...next]))
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

/** Shows unread messages in the title and the icon, and announces news, from now on. */
export function followNews(): void {
  effect(() => {
    const open = transcript.value?.name
    const count = unreadTotal.value
    document.title = `${count > 0 ? `(${count}) ` : ''}${open ? `${toPlainLine(open)} · ` : ''}Relay`
    const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]')
    if (icon) icon.href = count > 0 ? 'icon-unread.svg' : 'icon.svg'
  })
  onChange((changes) => void announce(changes))
}

/** Notifies the person of new messages, unless they are looking at the board. */
async function announce(changes: Change[]): Promise<void> {
  const wanted = announced.peek()
  for (const { now, before } of changes) {
    const { name, latest, unread_count = 0 } = now
    if (!latest || unread_count === 0 || wanted.size === 0) continue
    // In a thread outside the list, the new messages are at most the unread ones.
    const last = before ? (before.latest?.seq ?? 0) : latest.seq - unread_count
    if (latest.seq <= last || document.hasFocus() || Notification.permission !== 'granted') continue
    const news = wanted.has(name) ? latest : await findAddressed(name, latest, last)
    if (news && !isPerson(news)) notify(name, news)
  }
}

/** The latest message for the person that came after `last`: it need not be the latest of all. */
async function findAddressed(
  name: string,
  latest: Latest,
  last: number,
): Promise<Latest | undefined> {
  if (!announced.peek().has(TO_ME)) return undefined
  if (latest.to === PERSON) return latest
  if (latest.seq === last + 1) return undefined
  const args = { thread_name: name, to: PERSON, limit: 1 }
  const found = await callTool('relay_read_thread', args).catch(() => undefined)
  const message = found?.messages[0]
  if (!message || message.seq <= last) return undefined
  return { ...message, excerpt: message.content.slice(0, EXCERPT) }
}

/** Characters of a message that a notification shows: as many as the list does. */
const EXCERPT = 120

function notify(name: string, latest: Latest): void {
  try {
    const options = {
      body: `${toPlainLine(nameOf(latest))}: ${toPlainLine(latest.excerpt)}`,
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
