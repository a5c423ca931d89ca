/** The pane next to the list while no thread is open. */
import { formatRoute } from '../state/route.ts'
import { threads, unreadTotal } from '../state/threads.ts'
import { Later } from './lazy.tsx'
import { MessageSkeleton } from './panes.tsx'
import { Name } from './text.tsx'

export function HomePane() {
  if (threads.value === undefined) {
    return (
      <section class="pane" aria-label="Threads">
        <MessageSkeleton />
      </section>
    )
  }
  if (threads.value.length === 0) return <Later>{({ FirstSteps }) => <FirstSteps />}</Later>
  return <Overview />
}

function Overview() {
  const unread = (threads.value ?? []).filter(({ unread_count = 0 }) => unread_count > 0)
  const total = unreadTotal.value
  return (
    <section class="pane" aria-label="Overview">
      <div class="scroll">
        <div class="col">
          <div class="case">
            <h2>
              {total === 0
                ? 'Nothing new'
                : `${total.toLocaleString()} unread in ${unread.length} ${unread.length === 1 ? 'thread' : 'threads'}`}
            </h2>
            <p class="lead">
              {total === 0
                ? 'Messages from your sessions appear here as they post them.'
                : 'Messages count as read once they were on screen, not when you open the thread.'}
            </p>
            <ul class="say">
              {unread.slice(0, 8).map(({ name, unread_count }) => (
                <li key={name}>
                  <a class="grow cut" href={formatRoute({ at: 'thread', name })}>
                    <Name>{name}</Name>
                  </a>
                  <span class="count">
                    {unread_count}
                    <span class="vh"> unread</span>
                  </span>
                </li>
              ))}
            </ul>
            <div class="actions">
              <a class="btn line" href={formatRoute({ at: 'new' })}>
                New thread
              </a>
              <a class="btn line" href={formatRoute({ at: 'connect' })}>
                Connect a client
              </a>
            </div>
          </div>
        </div>
      </div>
    </section>
  )
}
