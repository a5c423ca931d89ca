/** The receivers of new messages: who is woken, for which messages, how it goes, and how to end it. */
import { useState } from 'preact/hooks'
import { relayNow } from '../relay/client.ts'
import { manage, type Target } from '../relay/manage.ts'
import { minute } from '../state/clock.ts'
import { device, turnOff } from '../state/device.ts'
import { noteFault, say } from '../state/status.ts'
import { formatAge, formatWhen } from '../text/time.ts'
import { Icon } from './icons.tsx'
import { Name, Text } from './text.tsx'

interface TargetsProps {
  targets: Target[]
  onChange: () => Promise<void>
}

export function Targets({ targets, onChange }: TargetsProps) {
  if (targets.length === 0) return null
  return (
    <>
      <h3 class="section-head">
        Woken by messages <span class="by">they learn names and numbers, never the text</span>
      </h3>
      <ul class="lines woken">
        {targets.map((target) => (
          <Row key={target.id} target={target} onChange={onChange} />
        ))}
      </ul>
    </>
  )
}

function Row({ target, onChange }: { target: Target; onChange: TargetsProps['onChange'] }) {
  const [isAsking, setAsking] = useState(false)
  const { id, kind, name = 'A client', host } = target
  const now = relayNow()
  const end = async () => {
    try {
      if (id === device.peek()) await turnOff()
      else await manage('end_target', { id })
      say(kind === 'push' ? `${name} no longer rings` : `${name} is no longer woken`)
    } catch (error) {
      say(noteFault(error).message)
    }
    await onChange()
  }
  return (
    <li>
      <span class="tile" aria-hidden="true">
        <Icon name={kind === 'webhook' ? 'plug' : 'bell'} />
      </span>
      <div>
        <span class="name">{kind === 'notify' ? 'You' : <Name>{name}</Name>}</span>
        {id === device.value && <span class="tag">this device</span>}
        <span class="by">{SCOPES[kind] ?? <Scope target={target} />}</span>
        {host && <span class="by">{host}</span>}
      </div>
      <div class="cells">
        <span>{describeEnd(target, now)}</span>
        {/* Ages are drawn again every half minute. */}
        <span>{minute.value >= 0 && describeState(target, now)}</span>
      </div>
      {kind !== 'notify' && (
        <button
          class="btn small quiet"
          type="button"
          aria-label={
            isAsking ? 'Cancel' : kind === 'push' ? `End ${name}` : `End what wakes ${name}`
          }
          aria-expanded={isAsking}
          onClick={() => setAsking(!isAsking)}
        >
          {isAsking ? 'Cancel' : 'End'}
        </button>
      )}
      {isAsking && (
        <div class="asked" role="status">
          <p>
            {kind === 'push'
              ? 'It no longer rings. Unless you turn its notifications off on the device itself, it rings again once you open the board there; if it is lost, disconnect its board above.'
              : 'Messages wake it no more, and those that wait are not sent. It stays connected, and can subscribe again; to prevent that, disconnect it.'}
          </p>
          <div class="asked-buttons">
            <button class="btn line bad" type="button" onClick={() => void end()}>
              End it
            </button>
          </div>
        </div>
      )}
    </li>
  )
}

/** The messages of those kinds that have no choice. */
const SCOPES: Partial<Record<Target['kind'], string>> = {
  notify: 'by notifications',
  push: 'messages to you',
}

function describeEnd({ kind, expires_at }: Target, now: number): string {
  if (expires_at) return `Until ${formatWhen(expires_at, now)}`
  return kind === 'push' ? 'While signed in' : 'Always'
}

/** The messages that wake it. */
function Scope({ target: { reader_tag, thread_name, addressed_only } }: { target: Target }) {
  const place = thread_name === undefined ? '' : `in ${thread_name}`
  if (reader_tag === undefined) return <Text>{`every message ${place}`}</Text>
  return (
    <Text>
      {addressed_only
        ? `messages to ${reader_tag} ${place}`
        : `every message ${place} but those of ${reader_tag}`}
    </Text>
  )
}

/** Kinds of failure as the relay names them. */
export const FAILURES: Record<string, string> = {
  connection_refused: 'not reachable',
  timeout: 'no answer in time',
  tls_error: 'its certificate is wrong',
  http_4xx: 'it refuses',
  http_5xx: 'it fails',
}

function describeState(target: Target, now: number): string {
  const { kind, is_active, failed_since, last_error = '', last_delivery_at } = target
  const reason = FAILURES[last_error] ?? last_error
  if (!is_active) return `Stopped: ${reason}`
  if (failed_since) return `Fails since ${formatWhen(failed_since, now)}: ${reason}`
  if (kind === 'webhook' && target.throttled_until) return 'Had its 30 of this hour'
  if (!last_delivery_at) return 'Nothing sent yet'
  const age = formatAge(last_delivery_at, now)
  return age === 'now' ? 'Sent just now' : `Last sent ${age} ago`
}
