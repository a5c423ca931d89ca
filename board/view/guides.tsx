/** How to connect each client: shared by the board and the page at `/`. */
import { isLoopback } from '../../src/loopback.ts'
import { fillKey, fillKeyForEyes, knownKey } from '../state/key.ts'
import { type ConnectGuide, connectGuides, FIRST_SENTENCES } from '../text/connect-guides.ts'
import { CopyButton } from './copy.tsx'
import { Icon } from './icons.tsx'

/** The address to paste, and a field for the key that is filled in below. */
export function AddressAndKey({ url }: { url: string }) {
  return (
    <div class="pair">
      <Address url={url} />
      <KeyField />
    </div>
  )
}

export function Address({ url }: { url: string }) {
  return (
    <div>
      <span class="label">Address of this relay</span>
      <div class="value">
        <code class="cut">{url}</code>
        <CopyButton text={url} label="Copy the address" />
      </div>
    </div>
  )
}

/** A field for the key, which is filled in wherever a block needs it. */
export function KeyField() {
  return (
    <div>
      <label class="label" for="key">
        Key, to fill it in
      </label>
      <div class="field">
        <input
          id="key"
          type="password"
          autocomplete="off"
          placeholder="RELAY_KEY"
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

/** One section for each client, the first one open. */
export function Clients({ url }: { url: string }) {
  return (
    <>
      {connectGuides(url).map((guide, i) => (
        <Client key={guide.name} guide={guide} isOpen={i === 0} />
      ))}
    </>
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

/** The requirements, in a few words. */
function describe({ install, blocks, onlyOAuth }: ConnectGuide): string {
  if (onlyOAuth && isLoopback(location.hostname)) return 'needs a public address'
  if (install) return 'one click'
  if (blocks[0]?.into === 'Terminal') return 'one command'
  return blocks.length > 0 ? 'a file' : 'an address'
}

/** The steps in one client. */
export function Guide({
  guide: { name, steps, blocks, install, onlyOAuth },
}: {
  guide: ConnectGuide
}) {
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
      {steps && <p>{formatMarks(steps)}</p>}
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

/** A text's `code` and _emphasis_ as elements. */
export function formatMarks(text: string) {
  return text.split(/(`[^`]+`|(?<=^|\s|\()_[^_]+_)/).map((part) => {
    if (part.startsWith('`')) return <code>{part.slice(1, -1)}</code>
    if (part.startsWith('_') && part.endsWith('_')) return <em>{part.slice(1, -1)}</em>
    return part
  })
}

/** Sentences to start with in a connected session. */
export function FirstSentences() {
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
