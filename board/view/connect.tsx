/** Connecting a first or a further client, and that one has arrived. */
import { useEffect, useMemo, useState } from 'preact/hooks'
import { relayNow } from '../relay/client.ts'
import { isReadOnly } from '../relay/sign-in.ts'
import { awaitArrival, describeArrival } from '../state/arrivals.ts'
import { formatRoute } from '../state/route.ts'
import { connectGuides, FIRST_SENTENCES } from '../text/connect-guides.ts'
import { CopyButton } from './copy.tsx'
import { Address, AddressAndKey, Clients, FirstSentences, Guide, KeyField } from './guides.tsx'
import { KeyMaker } from './key-maker.tsx'
import { PaneHead } from './panes.tsx'
import { Text } from './text.tsx'

const URL_OF_RELAY = `${location.origin}/mcp`

export function ConnectPane() {
  return (
    <section class="pane" aria-label="Connect">
      <PaneHead title="Connect">
        {!isReadOnly.value && (
          <a class="btn line" href={formatRoute({ at: 'connections' })}>
            Connections
          </a>
        )}
      </PaneHead>
      <div class="scroll">
        <div class="col sheet-in-pane">
          <Waiting />
          {isReadOnly.value ? (
            <AddressAndKey url={URL_OF_RELAY} />
          ) : (
            <>
              <div class="pair">
                <Address url={URL_OF_RELAY} />
              </div>
              <KeyMaker />
            </>
          )}
          <Clients url={URL_OF_RELAY} />
          <h3 class="after-head">Then say to a session</h3>
          <FirstSentences />
        </div>
      </div>
    </section>
  )
}

function Waiting() {
  const [now, setNow] = useState(0)
  const { arrival, stop } = useMemo(awaitArrival, [])
  useEffect(() => stop, [])
  const arrived = arrival.value
  useEffect(() => {
    if (!arrived) return
    // Counted from the clock: a hidden tab has its timers slowed down.
    const timer = setInterval(() => setNow(relayNow()), 1_000)
    return () => clearInterval(timer)
  }, [arrived])
  if (!arrived) {
    return (
      <p class="waiting" role="status">
        <span class="pulse" aria-hidden="true" />
        Waiting for a first call …
      </p>
    )
  }
  return (
    <div role="status" class="arrived">
      <p class="status connected">
        <span class="dot" aria-hidden="true" />
        <Text>{describeArrival(arrived)}</Text>
      </p>
      <p class="by">
        First call {Math.max(0, Math.round((now - arrived.at) / 1000))} s ago. Now say one of these
        sentences to it.
      </p>
    </div>
  )
}

/** The page for a person who has no threads yet. */
export function FirstSteps() {
  const guides = connectGuides(URL_OF_RELAY).filter(({ name }) =>
    ['Claude Code', 'Claude.ai, also on the phone', 'Cursor', 'VS Code'].includes(name),
  )
  const [chosen, setChosen] = useState(0)
  const guide = guides[chosen]
  const choose = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (step === undefined) return
    const next = (chosen + step + guides.length) % guides.length
    setChosen(next)
    const tabs = (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role=tab]')
    tabs[next]?.focus()
  }
  return (
    <section class="pane" aria-label="First steps">
      <div class="scroll">
        <div class="col first-steps">
          <h2>Connect your first session</h2>
          <p class="ask">What it posts appears on this page a moment later.</p>
          <ol class="steps">
            <li class="step now">
              <h3>Add the relay to a client</h3>
              <div class="tabs" role="tablist" aria-label="Client" onKeyDown={choose}>
                {guides.map(({ name }, i) => (
                  <button
                    key={name}
                    class="btn"
                    role="tab"
                    type="button"
                    id={`tab-${i}`}
                    aria-selected={i === chosen}
                    aria-controls="guide"
                    tabIndex={i === chosen ? 0 : -1}
                    onClick={() => setChosen(i)}
                  >
                    {name.split(',')[0]}
                  </button>
                ))}
              </div>
              <div id="guide" role="tabpanel" aria-labelledby={`tab-${chosen}`} class="guide">
                {guide && <Guide guide={{ ...guide, blocks: guide.blocks.slice(0, 1) }} />}
              </div>
              {guide?.blocks[0]?.text.includes('YOUR_RELAY_KEY') &&
                (isReadOnly.value ? <KeyField /> : <KeyMaker />)}
              <p class="note">
                <a href={formatRoute({ at: 'connect' })}>All clients</a>
              </p>
              <Waiting />
            </li>
            <li class="step">
              <h3>Say this to it</h3>
              <p>It opens a thread and posts where it stands.</p>
              <div class="value">
                <span class="grow">{FIRST_SENTENCES[1]}</span>
                <CopyButton
                  text={FIRST_SENTENCES[1] ?? ''}
                  label="Copy the sentence"
                  shown="Copy"
                />
              </div>
            </li>
            <li class="step">
              <h3>Answer, here or from another session</h3>
              <p>
                No need to wait:{' '}
                <a class="prose-link" href={formatRoute({ at: 'new' })}>
                  write the first message yourself
                </a>
                .
              </p>
            </li>
          </ol>
        </div>
      </div>
    </section>
  )
}
