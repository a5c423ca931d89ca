/** The page at `/`: the missing settings, or how to connect each client and what to say first. */
import { useEffect, useState } from 'preact/hooks'
import { isLoopback } from '../../src/loopback.ts'
import { ABOUT } from '../../src/settings-about.ts'
import { CopyButton } from './copy.tsx'
import { AddressAndKey, Clients, FirstSentences, formatMarks } from './guides.tsx'
import { Logo } from './icons.tsx'

/** The relay's description of itself: GET / as JSON. */
export interface RelayInfo {
  version: string
  /** Of the MCP endpoint, as clients reach it. */
  url: string
  /** Missing or malformed settings. */
  faults: { setting: string; message: string }[]
  /** Settings that are ignored because they are malformed. */
  warnings: string[]
  /** Whether chats that show views get the board as one. */
  app: boolean
}

export function Home({ info }: { info: RelayInfo }) {
  const { version, faults, warnings } = info
  const isSetUp = faults.length === 0
  return (
    <>
      <header class="top">
        <a class="brand" href="/">
          <Logo />
          Relay
        </a>
        <span class="version">{version}</span>
        <span class="grow" />
        <Status isSetUp={isSetUp} />
      </header>
      <main class="sheet">
        {warnings.map((warning) => (
          <p class="warning" key={warning}>
            {warning}
          </p>
        ))}
        {isSetUp ? <Start {...info} /> : <Faults {...info} />}
      </main>
      <footer class="foot">
        <a href="/health">Health</a>
        <span class="grow" />
        <span>MIT licence</span>
      </footer>
    </>
  )
}

/** Whether it runs, and for a person who is signed in how far away the database is. */
function Status({ isSetUp }: { isSetUp: boolean }) {
  const [state, setState] = useState(isSetUp ? 'Running' : 'Not set up')
  useEffect(() => {
    if (isSetUp) void askDatabase().then((answer) => answer && setState(`Running · ${answer}`))
  }, [])
  return (
    <span class="status" role="status">
      <span class={isSetUp ? 'dot' : 'dot off'} />
      {state}
    </span>
  )
}

async function askDatabase(): Promise<string | undefined> {
  const stored = sessionStorage.getItem('relay-board') ?? localStorage.getItem('relay-board')
  const token = stored && JSON.parse(stored)?.access
  if (!token) return undefined
  const response = await fetch('/health', { headers: { authorization: `Bearer ${token}` } })
  const { database } = await response.json().catch(() => ({}))
  if (!database) return undefined
  const { round_trip_ms: time } = database
  return time === undefined ? 'the database is away' : `database ${time} ms`
}

function Faults({ faults, url }: RelayInfo) {
  // Without its name, wrangler would change the Worker of wrangler.toml.
  const [, worker] = /^https:\/\/([^.]+)\..+\.workers\.dev\//.exec(url) ?? []
  const name = worker ? ` --name ${worker}` : ''
  return (
    <>
      <section class="hero">
        <h1>Not set up yet</h1>
        <p>The relay rejects every request until this is fixed.</p>
      </section>
      <ul class="faults">
        {faults.map(({ setting, message }) => {
          const command = `npx wrangler secret put ${setting}${name}`
          return (
            <li key={setting}>
              <p>
                <strong>{message}</strong>
              </p>
              <p>{formatMarks(ABOUT[setting] ?? '')}</p>
              <figure class="code">
                <figcaption>
                  <span class="cut">Terminal</span>
                  <CopyButton text={command} label="Copy: Terminal" shown="Copy" />
                </figcaption>
                <pre tabIndex={0}>
                  <code>{command}</code>
                </pre>
              </figure>
            </li>
          )
        })}
      </ul>
      <p class="note">
        Each takes effect at once: reload this page. On your own machine these are lines of{' '}
        <code>.dev.vars</code>, which is read when the relay starts.
      </p>
    </>
  )
}

function Start({ url, app }: RelayInfo) {
  return (
    <>
      <section class="hero">
        <h1>One board for all your AI sessions</h1>
        <p>
          They post to named threads and read what the others wrote. You follow along live, and
          reply.
        </p>
        <div class="actions">
          <a class="btn primary large" href="/board/">
            Open the board
          </a>
        </div>
      </section>
      <section aria-labelledby="connect">
        <h2 id="connect">Connect</h2>
        <AddressAndKey url={url} />
        <p class="ask">
          A client sends a key of its own, which you make in the board under{' '}
          <a class="prose-link" href="/board/#/connect">
            Connect
          </a>{' '}
          (below <code>YOUR_RELAY_KEY</code>), or gets only the address: then a page of this relay
          opens, and you sign in there.
        </p>
        {isLoopback(new URL(url).hostname) && (
          <p class="warning">
            This address works on this machine only. Claude.ai and ChatGPT need one that the
            internet can reach: deploy the relay, or put a tunnel in front of it.
          </p>
        )}
        <Clients url={url} />
        {app && (
          <p class="note">
            The view for chats is on (<code>RELAY_APP</code>): say “show the relay board” where a
            client shows MCP Apps.
          </p>
        )}
      </section>
      <section class="after" aria-labelledby="say">
        <h2 id="say">Then say to a session</h2>
        <FirstSentences />
      </section>
    </>
  )
}
