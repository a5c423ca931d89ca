/** Makes a key for one client, shows it, and has it filled in wherever a client needs one. */
import { useState } from 'preact/hooks'
import { manage } from '../relay/manage.ts'
import { knownKey, madeKey } from '../state/key.ts'
import { noteFault } from '../state/status.ts'
import { CopyButton } from './copy.tsx'
import { Icon } from './icons.tsx'
import { Name, Text } from './text.tsx'

/** Where a refusal is shown: at the name, unless it concerns the relay's key. */
const ABOUT_KEY: Record<string, string> = {
  wrong_key: 'This is not the key of the relay itself.',
  too_many_guesses: 'Too many wrong keys. Try again in a minute.',
}

export function KeyMaker() {
  return (
    <section class="key-maker" aria-labelledby="key-maker">
      <h3 id="key-maker">A key for this client</h3>
      {madeKey.value ? <Made {...madeKey.value} /> : <Form />}
    </section>
  )
}

function Form() {
  const [name, setName] = useState('')
  const [scope, setScope] = useState<'mcp' | 'mcp:read'>('mcp')
  const [relayKey, setRelayKey] = useState('')
  const [problem, setProblem] = useState<{ field: 'name' | 'key'; text: string }>()
  const [isBusy, setBusy] = useState(false)

  const make = async (event: Event) => {
    event.preventDefault()
    if (isBusy) return
    if (!name.trim()) return refuse('name', 'A key needs the name of its client.')
    if (!relayKey.trim()) return refuse('key', 'Enter the key of the relay itself.')
    setBusy(true)
    try {
      const { key, ...made } = await manage('make_key', { name, scope, relay_key: relayKey })
      knownKey.value = key
      madeKey.value = { name: made.name, isReadOnly: made.scope === 'mcp:read', key }
    } catch (error) {
      const { code = '', message } = noteFault(error)
      const aboutKey = ABOUT_KEY[code]
      refuse(aboutKey ? 'key' : 'name', aboutKey ?? message)
      setBusy(false)
    }
  }
  const refuse = (field: 'name' | 'key', text: string) => {
    setProblem({ field, text })
    document.getElementById(`${field}-of-client`)?.focus()
  }
  const problemOf = (field: 'name' | 'key') =>
    problem?.field === field && (
      <p class="error-text" role="alert" id={`${field}-problem`}>
        <Icon name="alert" />
        <span>
          <Text>{problem.text}</Text>
        </span>
      </p>
    )
  return (
    <form onSubmit={make}>
      <p class="by">
        Each client gets a key of its own, so that you can disconnect it without the others. The
        relay’s own key only makes it.
      </p>
      <div class="pair">
        <div>
          <label class="label" for="name-of-client">
            Name of the client
          </label>
          <div class={problem?.field === 'name' ? 'field bad' : 'field'}>
            <input
              id="name-of-client"
              autocomplete="off"
              maxLength={40}
              placeholder="laptop"
              value={name}
              aria-invalid={problem?.field === 'name'}
              aria-describedby={problem?.field === 'name' ? 'name-problem' : 'name-note'}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </div>
          {problemOf('name') || (
            <p class="note" id="name-note">
              Its posts carry this name.
            </p>
          )}
        </div>
        <div>
          <label class="label" for="key-of-client">
            Key of the relay itself
          </label>
          <div class={problem?.field === 'key' ? 'field bad' : 'field'}>
            <input
              id="key-of-client"
              type="password"
              autocomplete="off"
              placeholder="RELAY_API_KEY"
              value={relayKey}
              aria-invalid={problem?.field === 'key'}
              aria-describedby={problem?.field === 'key' ? 'key-problem' : 'key-note'}
              onInput={(event) => setRelayKey(event.currentTarget.value)}
            />
          </div>
          {problemOf('key') || (
            <p class="note" id="key-note">
              Shows that it is you. It is not kept.
            </p>
          )}
        </div>
      </div>
      <div class="key-maker-foot">
        <fieldset>
          <legend class="vh">It may</legend>
          <Choice scope="mcp" label="Read and post" chosen={scope} onChoose={setScope} />
          <Choice scope="mcp:read" label="Read only" chosen={scope} onChoose={setScope} />
        </fieldset>
        <span class="grow" />
        <button class="btn primary" type="submit" aria-disabled={isBusy}>
          <Icon name="key" />
          Make the key
        </button>
      </div>
    </form>
  )
}

type Scope = 'mcp' | 'mcp:read'

function Choice({
  scope,
  label,
  chosen,
  onChoose,
}: {
  scope: Scope
  label: string
  chosen: Scope
  onChoose: (scope: Scope) => void
}) {
  return (
    <label class="choice">
      <input
        type="radio"
        name="scope"
        checked={chosen === scope}
        onChange={() => onChoose(scope)}
      />
      <span>{label}</span>
    </label>
  )
}

function Made({ name, isReadOnly, key }: { name: string; isReadOnly: boolean; key: string }) {
  return (
    <div role="status">
      <label class="label" for="made-key">
        Key of <Name>{name}</Name>, which may {isReadOnly ? 'read only' : 'read and post'}
      </label>
      <div class="field once">
        {/* Where the browser blocks copying, a person can still select it. */}
        <input
          id="made-key"
          readOnly
          value={key}
          onFocus={(event) => event.currentTarget.select()}
        />
        <CopyButton text={key} label="Copy the key" shown="Copy" />
      </div>
      <div class="caution">
        <Icon name="alert" />
        <p>
          <b>Shown this once.</b> The relay keeps no copy. If you lose it, disconnect it and make
          another. The lines below contain it when you copy them; where a line names{' '}
          <code>RELAY_KEY</code>, set that environment variable to it.
        </p>
      </div>
      <button
        class="btn line"
        type="button"
        onClick={() => {
          madeKey.value = undefined
          knownKey.value = ''
        }}
      >
        Make another key
      </button>
    </div>
  )
}
