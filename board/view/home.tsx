/** The pane next to the list while no thread is open: what waits for the person. */
import { relayNow } from '../relay/client.ts'
import { minute } from '../state/clock.ts'
import { forYou, settledElsewhere } from '../state/for-you.ts'
import { markAllRead } from '../state/read-state.ts'
import { isNarrow } from '../state/screen.ts'
import { announced, TO_ME, toggleAnnounced } from '../state/settings.ts'
import { threads, unreadThreads, unreadTotal } from '../state/threads.ts'
import { formatWait } from '../text/time.ts'
import { Icon } from './icons.tsx'
import { Inbox } from './inbox.tsx'
import { Later } from './lazy.tsx'
import { Menu } from './menu.tsx'
import { MessageSkeleton } from './panes.tsx'

export function HomePane() {
  if (threads.value?.length === 0) return <Later>{({ FirstSteps }) => <FirstSteps />}</Later>
  // On a phone the list begins with it.
  if (isNarrow.value) return null
  const isLoading = threads.value === undefined || forYou.value === undefined
  return (
    <section class="pane" aria-label="For you">
      <header class="head">
        <div class="col">
          <div class="head-text">
            <h2 class="head-title cut">For you</h2>
            <p class="head-sub cut">{describeWait()}</p>
          </div>
          <Tools />
        </div>
      </header>
      {isLoading ? (
        <MessageSkeleton />
      ) : (
        <div class="scroll">
          <div class="col">
            <NothingWaits />
            <Inbox />
          </div>
        </div>
      )}
    </section>
  )
}

function describeWait(): string {
  const oldest = forYou.value?.at(-1)
  const now = relayNow() + 0 * minute.value
  return oldest ? `The oldest has waited ${formatWait(oldest.created_at, now)}` : ''
}

function Tools() {
  const isOn = announced.value.has(TO_ME)
  const label = 'Notify me in this tab'
  return (
    <div class="head-tools">
      <button
        class={isOn ? 'btn icon on' : 'btn icon'}
        type="button"
        aria-label={label}
        title={label}
        aria-pressed={isOn}
        onClick={() => void toggleAnnounced(TO_ME)}
      >
        <Icon name="bell" />
      </button>
      <Menu
        class="btn icon"
        label="More actions"
        button={<Icon name="dots" />}
        items={[
          {
            label: (
              <>
                <Icon name="check" />
                Mark all threads as read
              </>
            ),
            run: () => markAllRead(unreadThreads.peek()),
          },
        ]}
      />
    </div>
  )
}

export function NothingWaits() {
  if (forYou.value === undefined || forYou.value.length > 0) return null
  if (settledElsewhere.value.length > 0) return null
  return (
    <div class="nothing-waits">
      <Icon name="inbox" />
      <h3>Nothing waits for you</h3>
      <p>
        {describeUnread()}A message that is addressed to you appears here until you have answered
        it.
      </p>
    </div>
  )
}

function describeUnread(): string {
  const total = unreadTotal.value
  const count = unreadThreads.value.length
  if (total === 0) return ''
  return `${total.toLocaleString()} unread in ${count.toLocaleString()} ${count === 1 ? 'thread' : 'threads'}. `
}
