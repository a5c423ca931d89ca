/** The archived threads that the relay is about to delete, as its owner has set it. */
import { useEffect, useState } from 'preact/hooks'
import { relayNow } from '../relay/client.ts'
import { type DueThread, manage } from '../relay/manage.ts'
import { formatRoute } from '../state/route.ts'
import { noteFault, noteSuccess, say } from '../state/status.ts'
import { findThread } from '../state/threads.ts'
import { formatDue } from '../text/time.ts'
import { Name } from './text.tsx'

export function DueThreads() {
  const [due, setDue] = useState<DueThread[]>([])
  useEffect(() => {
    manage('list_due_threads').then(
      ({ threads }) => {
        setDue(threads)
        noteSuccess()
      },
      (error) => say(noteFault(error).message),
    )
  }, [])
  // Not one that was restored, or posted to, meanwhile.
  const shown = due.filter(({ thread_name }) => findThread(thread_name)?.archived !== false)
  if (shown.length === 0) return null
  return (
    <section aria-label="Due for deletion">
      <p class="none">The relay deletes these, unless you restore them:</p>
      <ul>
        {shown.map(({ thread_name, delete_at }) => (
          <li key={thread_name}>
            <a class="row" href={formatRoute({ at: 'thread', name: thread_name })}>
              <span class="row-name cut">
                <Name>{thread_name}</Name>
              </span>
              <time class="row-age" dateTime={delete_at}>
                {formatDue(delete_at, relayNow())}
              </time>
            </a>
          </li>
        ))}
      </ul>
      <p class="none">All that are archived:</p>
    </section>
  )
}
