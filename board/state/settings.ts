/** What the person has chosen in this browser: theme, and what to be notified of. */
import { effect, signal } from '@preact/signals'
import { callTool } from '../relay/client.ts'
import { isPerson, type Latest, nameOf, PERSON, type Thread } from '../relay/types.ts'
import { toPlainLine } from '../text/characters.ts'
import { formatRoute } from './route.ts'
import { say } from './status.ts'
import { onChange, unreadTotal } from './threads.ts'
import { transcript } from './transcript.ts'

export type Theme = 'system' | 'light' | 'dark'

export const theme = signal<Theme>(
  (localStorage.getItem('relay-theme') as Theme | null) ?? 'system',
)

export function setTheme(next: Theme): void {
  theme.value = next
  if (next === 'system') {
    localStorage.removeItem('relay-theme')
    delete document.documentElement.dataset.theme
  } else {
    localStorage.setItem('relay-theme', next)
    document.documentElement.dataset.theme = next
  }
}

/** Threads whose every message is announced; the empty name stands for messages to the person. */
export const announced = signal<ReadonlySet<string>>(
  new Set(JSON.parse(localStorage.getItem('relay-announced') ?? '[]')),
)

export const TO_ME = ''

/** Switches the notifications of a thread, or of messages to the person. */
export async function toggleAnnounced(name: string): Promise<void> {
  const next = new Set(announced.peek())
  if (next.has(name)) next.delete(name)
  else if (!('Notification' in globalThis)) return say('This browser has no notifications.')
  else if ((await Notification.requestPermission()) !== 'granted') {
    return say('The browser does not let the board notify you: its settings for this site decide.')
  } else next.add(name)
  announced.value = next
  localStorage.setItem('relay-announced', JSON.stringify([...next]))
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
  onChange((changed) => void announce(changed))
}

/** The latest message of each thread when it was last looked at for announcing. */
const lookedAt = new Map<string, number>()

/** Notifies of what has come, unless the person is looking at the board. */
async function announce(changed: Thread[]): Promise<void> {
  const wanted = announced.peek()
  for (const { name, latest, unread_count } of changed) {
    if (!latest) continue
    const before = lookedAt.get(name) ?? latest.seq - 1
    lookedAt.set(name, latest.seq)
    const isWanted = wanted.size > 0 && unread_count && latest.seq > before && !isPerson(latest)
    if (!isWanted || document.hasFocus() || Notification.permission !== 'granted') continue
    if (!wanted.has(name) && !(await isAddressed(name, latest, before))) continue
    notify(name, latest)
  }
}

/** Whether one of the messages since then is for the person: several may come at once. */
async function isAddressed(name: string, latest: Latest, before: number): Promise<boolean> {
  if (!announced.peek().has(TO_ME)) return false
  if (latest.to === PERSON) return true
  if (latest.seq === before + 1) return false
  const args = { thread_name: name, to: PERSON, limit: 1 }
  const found = await callTool('relay_read_thread', args).catch(() => undefined)
  return (found?.messages[0]?.seq ?? 0) > before
}

function notify(name: string, latest: Latest): void {
  try {
    const notification = new Notification(toPlainLine(name), {
      body: `${toPlainLine(nameOf(latest))}: ${toPlainLine(latest.excerpt)}`,
      icon: 'icon-192.png',
      tag: name,
    })
    notification.onclick = () => {
      window.focus()
      location.hash = formatRoute({ at: 'thread', name, seq: latest.seq })
    }
  } catch {
    // Some phones let only a background program notify.
  }
}
