/** How to connect each client, and that one has arrived. */
import { useEffect, useMemo, useState } from 'preact/hooks'
import { isLoopback } from '../../src/loopback.ts'
import {
  type ConnectGuide,
  connectGuides,
  FIRST_SENTENCES,
} from '../../src/pages/connect-guides.ts'
import { relayNow } from '../relay/client.ts'
import { awaitArrival, describeArrival } from '../state/arrivals.ts'
import { fillKey, fillKeyForEyes, knownKey } from '../state/key.ts'
import { formatRoute } from '../state/route.ts'
import { CopyButton } from './copy.tsx'
import { Icon } from './icons.tsx'
import { PaneHead } from './panes.tsx'
import { Text } from './text.tsx'

const URL_OF_RELAY = `${location.origin}/mcp`

export function ConnectPane() {
  return (
    <section class="pane" aria-label="Connect">
      <PaneHead title="Connect" />
      <div class="scroll">
        <div class="col sheet-in-pane">
          <Waiting />
          <div class="pair">
            <div>
              <span class="label">Address of this relay</span>
              <div class="value">
                <code class="cut">{URL_OF_RELAY}</code>
                <CopyButton text={URL_OF_RELAY} label="Copy the address" />
              </div>
            </div>
            <KeyField />
          </div>
          {connectGuides(URL_OF_RELAY).map((guide, i) => (
            <Client key={guide.name} guide={guide} isOpen={i === 0} />
          ))}
          <h3 class="after-head">Then say to a session</h3>
          <FirstSentences />
        </div>
      </div>
    </section>
  )
}

function KeyField() {
  return (
    <div>
      <label class="label" for="key">
        Key, to fill in below
      </label>
      <div class="field">
        <input
          id="key"
          type="password"
          autocomplete="off"
          placeholder="RELAY_API_KEY"
          value={knownKey.value}
          onInput={(event) => {
            knownKey.value = event.currentTarget.value
          }}
        />
      </div>
      <p class="note">Stays in this tab: it is neither sent nor stored.</p>
    </div>
  )
}

function Client({ guide, isOpen }: { guide: ConnectGuide; isOpen: boolean }) {
  return (
    <details class="client" open={isOpen}>
      <summary>
        {guide.name}
        <span class="how">{describe(guide)}</span>
        <Icon name="turn" turns />
      </summary>
      <div class="client-body">
        <Guide guide={guide} />
      </div>
    </details>
  )
}

/** What it takes, in a few words. */
function describe({ install, blocks, onlyOAuth }: ConnectGuide): string {
  if (onlyOAuth && isLoopback(location.hostname)) return 'needs a public address'
  if (install) return 'one click'
  if (blocks[0]?.into === 'Terminal') return 'one command'
  return blocks.length > 0 ? 'a file' : 'an address'
}

function Guide({ guide: { name, steps, blocks, install, onlyOAuth } }: { guide: ConnectGuide }) {
  if (onlyOAuth && isLoopback(location.hostname)) {
    return (
      <div class="caution">
        <Icon name="alert" />
        <p>
          This relay answers on this machine only. To reach it from {name.split(',')[0]}, deploy it
          or put a tunnel in front of it.
        </p>
      </div>
    )
  }
  return (
    <>
      {steps && <p>{formatSteps(steps)}</p>}
      {install && (
        <p>
          <a class="btn line" href={install}>
            Add to {name}
          </a>
        </p>
      )}
      {blocks.map(({ into, text }) => (
        <figure class="code" key={into}>
          <figcaption>
            <span class="cut">{into}</span>
            <CopyButton text={fillKey(text)} label={`Copy: ${into}`} shown="Copy" />
          </figcaption>
          <pre tabIndex={0}>
            <code>{fillKeyForEyes(text)}</code>
          </pre>
        </figure>
      ))}
    </>
  )
}

/** The guides' `code` and _emphasis_ as elements. */
function formatSteps(steps: string) {
  return steps.split(/(`[^`]+`|(?<=^|\s|\()_[^_]+_)/).map((part) => {
    if (part.startsWith('`')) return <code>{part.slice(1, -1)}</code>
    if (part.startsWith('_') && part.endsWith('_')) return <em>{part.slice(1, -1)}</em>
    return part
  })
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

function FirstSentences() {
  return (
    <ul class="say">
      {FIRST_SENTENCES.map((sentence) => (
        <li key={sentence}>
          <span class="grow">{sentence}</span>
          <CopyButton text={sentence} label={`Copy: ${sentence}`} />
        </li>
      ))}
    </ul>
  )
}

/** What a person sees who has no threads yet. */
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
              <p class="note">
                {knownKey.value
                  ? 'The key is filled in and stays in this tab. Copy takes the whole one.'
                  : 'YOUR_RELAY_API_KEY stands for the key of this relay.'}{' '}
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
