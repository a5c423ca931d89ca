/** The messages that wait for the person: a row for each, with what can be done about it. */
import { relayNow } from '../relay/client.ts'
import { isReadOnly } from '../relay/sign-in.ts'
import { nameOf } from '../relay/types.ts'
import { answer } from '../state/answering.ts'
import { minute } from '../state/clock.ts'
import {
  forYou,
  keyOf,
  later,
  laterOf,
  putOffUntil,
  settledElsewhere,
  type Waiting,
} from '../state/for-you.ts'
import { formatRoute } from '../state/route.ts'
import { say } from '../state/status.ts'
import { settle } from '../state/taking-back.ts'
import { readers } from '../state/threads.ts'
import { readQuestion } from '../text/question.ts'
import { formatAge, formatClock, formatExact, formatWait, formatWhen } from '../text/time.ts'
import { isNow } from './addressee.tsx'
import { Face } from './face.tsx'
import { Icon } from './icons.tsx'
import { Menu, type MenuItem } from './menu.tsx'
import { currentKey } from './rows.ts'
import { Name, Text } from './text.tsx'

/** Milliseconds after which a message waits for long. */
const LONG = 24 * 3_600_000

export function Inbox() {
  const all = forYou.value ?? []
  const current = currentKey.value
  return (
    <>
      {(all.length > 0 || settledElsewhere.value.length > 0) && (
        <ul class="inbox">
          {all.map((each, i) => (
            <Row
              key={keyOf(each)}
              message={each}
              isCurrent={keyOf(each) === current || (current === undefined && i === 0)}
            />
          ))}
          {settledElsewhere.value.map((each) => (
            <Settled key={keyOf(each)} message={each} />
          ))}
        </ul>
      )}
      <Later />
    </>
  )
}

function Row({ message, isCurrent }: { message: Waiting; isCurrent: boolean }) {
  const { thread_name, seq, redacted } = message
  const key = keyOf(message)
  const { text, code } = readQuestion(message.content)
  return (
    <li
      class={isCurrent ? 'item at' : 'item'}
      data-row={key}
      onFocusIn={() => {
        currentKey.value = key
      }}
    >
      <Face author={message} />
      <div>
        <div class="item-head">
          <span class="who">
            <Name>{nameOf(message)}</Name>
          </span>
          <span class="in cut">
            in <Name>{thread_name}</Name>
          </span>
          <Presence message={message} />
          <Age message={message} />
        </div>
        <a class="question" href={formatRoute({ at: 'thread', name: thread_name, seq })}>
          <Text>{redacted ? 'Taken back' : text || 'No text'}</Text>
        </a>
        {code && (
          <code class="code-line">
            <Text>{code}</Text>
          </code>
        )}
        <Acts message={message} />
      </div>
    </li>
  )
}

/** Whether an answer reaches its author at once. */
function Presence({ message: { from } }: { message: Waiting }) {
  const now = relayNow() + 0 * minute.value
  const seen = readers.value.find(({ reader_tag }) => reader_tag === from)?.last_seen_at
  if (!seen) return null
  if (!isNow(seen, now)) return <span class="live">last seen {formatAge(seen, now)} ago</span>
  return (
    <span class="live">
      <span class="dot" aria-hidden="true" />
      live now
    </span>
  )
}

function Age({ message: { created_at } }: { message: Waiting }) {
  const now = relayNow() + 0 * minute.value
  const isOld = now - Date.parse(created_at) > LONG
  return (
    <time class={isOld ? 'age old' : 'age'} dateTime={created_at} title={formatExact(created_at)}>
      {isOld && <Icon name="clock" />}
      {isOld ? `waits ${formatWait(created_at, now)}` : formatAge(created_at, now)}
    </time>
  )
}

function Acts({ message }: { message: Waiting }) {
  const { thread_name, seq } = message
  return (
    <div class="item-acts">
      {!isReadOnly.value && (
        <>
          <button
            class="btn small line answer"
            type="button"
            aria-label={`Answer #${seq} in ${thread_name}`}
            onClick={() => answer(thread_name, message)}
          >
            <Icon name="reply" />
            <span data-key="r">Answer</span>
          </button>
          <button
            class="btn small quiet done"
            type="button"
            aria-label={`Done: #${seq} in ${thread_name} needs no answer`}
            onClick={() => settle(thread_name, message)}
          >
            <span data-key="e">Done</span>
          </button>
        </>
      )}
      <Menu
        class="btn small quiet put-off"
        label={`Later: #${seq} in ${thread_name}`}
        button={<span data-key="h">Later</span>}
        items={timesFor(message)}
      />
    </div>
  )
}

/** When a message can come back: in an hour, this evening while that is ahead, tomorrow. */
function timesFor(message: Waiting): MenuItem[] {
  const now = new Date()
  const at = (days: number, hour: number) =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour).getTime()
  const times: [string, number][] = [
    ['In an hour', now.getTime() + 3_600_000],
    ['This evening', at(0, 18)],
    ['Tomorrow', at(1, 9)],
  ]
  return times
    .filter(([, time]) => time > now.getTime())
    .map(([label, time]) => ({
      label: (
        <>
          {label}
          <time>{formatClock(new Date(time).toISOString())}</time>
        </>
      ),
      run: () => {
        putOffUntil(message, time)
        const undo = { label: 'Undo', run: () => putOffUntil(message, 0) }
        say(`Back ${label.toLowerCase()}`, undo)
      },
    }))
}

function Settled({ message }: { message: Waiting }) {
  const { thread_name, seq } = message
  return (
    <li class="item settled">
      <span class="tile" aria-hidden="true">
        <Icon name="check" />
      </span>
      <div>
        <p class="question">
          <Name>{nameOf(message)}</Name> in <Name>{thread_name}</Name>:{' '}
          <Text>{readQuestion(message.content).text}</Text>
        </p>
        <p class="fate">
          Answered or done elsewhere{' '}
          <a href={formatRoute({ at: 'thread', name: thread_name, seq })}>Show</a>
        </p>
      </div>
    </li>
  )
}

function Later() {
  const all = later.value
  if (all.length === 0) return null
  return (
    <details class="folds">
      <summary class="fold-head">
        <Icon name="turn" turns />
        Later <span class="by">{all.length}</span>
      </summary>
      <ul>
        {all.map((each) => (
          <li class="put-off-line" key={keyOf(each)}>
            <a
              class="cut grow"
              href={formatRoute({ at: 'thread', name: each.thread_name, seq: each.seq })}
            >
              <Name>{nameOf(each)}</Name>: <Text>{readQuestion(each.content).text}</Text>
            </a>
            <time>{formatWhen(new Date(laterOf(each)).toISOString(), relayNow())}</time>
            <button class="btn small" type="button" onClick={() => putOffUntil(each, 0)}>
              Bring back
            </button>
          </li>
        ))}
      </ul>
    </details>
  )
}
