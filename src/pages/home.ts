/**
 * The page at `/` for a person who opens the deployment in a browser: whether its settings are
 * complete, how to connect each client, what to say first. Everyone sees the same, so it shows no value
 * of a setting and does not use the database.
 */
import type { ConfigFault } from '../config.ts'
import { SETTINGS, type Setting } from '../settings-table.ts'
import { type ConnectGuide, connectGuides, FIRST_SENTENCES } from './connect-guides.ts'
import { LOGO } from './icon.ts'
import { escapeHtml, sheet } from './page.ts'

export interface HomePageData {
  /** Of the relay. */
  version: string
  /** Of the MCP endpoint, as clients reach it. */
  url: string
  /** What is missing or malformed. */
  faults: ConfigFault[]
  /** What is left out because it is malformed. */
  warnings: ConfigFault[]
  /** Whether clients can sign in; they cannot while the key is too short to sign with. */
  hasOAuth: boolean
  /** Whether chats that show views get the board as one. */
  hasApp: boolean
  /** Whether only this machine reaches the address. */
  isLocal: boolean
}

export function homePage(data: HomePageData): Response {
  const { faults, warnings, version } = data
  const content = faults.length > 0 ? renderFaults(data) : renderStart(data)
  return sheet({
    title: 'Relay',
    body: `
<header class="top"><a class="brand" href="/">${LOGO}Relay</a><span class="version">${version}</span><span class="grow"></span>
<span class="status" id="status"><span class="dot${faults.length > 0 ? ' off' : ''}"></span>${faults.length > 0 ? 'Not set up' : 'Running'}</span></header>
<main class="sheet">
${warnings.map(({ message }) => `<p class="warning">${escapeHtml(message)}</p>`).join('\n')}
${content}
</main>
<footer class="foot"><a href="/health">Health</a><span class="grow"></span><span>MIT licence</span></footer>`,
  })
}

function renderFaults({ faults, url }: HomePageData): string {
  // Without its name, wrangler would change the Worker of wrangler.toml.
  const [, worker] = /^https:\/\/([^.]+)\..+\.workers\.dev\//.exec(url) ?? []
  const name = worker ? ` --name ${worker}` : ''
  const settings: readonly Setting[] = SETTINGS
  const items = faults.map(({ setting, message }) => {
    const about = settings.find(({ name }) => name === setting)?.about ?? ''
    return `<li>
<p><strong>${escapeHtml(message)}</strong></p>
<p>${formatText(about)}</p>
${renderBlock({ into: 'Terminal', text: `npx wrangler secret put ${setting}${name}` })}
</li>`
  })
  return `<section class="hero">
<h1>Not set up yet</h1>
<p>The relay serves no client until this is fixed.</p>
</section>
<ul class="faults">
${items.join('\n')}
</ul>
<p class="note">Each takes effect at once: reload this page. On your own machine these are lines of
<code>.dev.vars</code>, which is read when the relay starts.</p>`
}

function renderStart(data: HomePageData): string {
  const { url, hasOAuth, hasApp, isLocal } = data
  return `<section class="hero">
<h1>One board for all your AI sessions</h1>
<p>They post to named threads and read what the others wrote. You follow along live, and reply.</p>
<div class="actions"><a class="btn primary large" href="/board/">Open the board</a></div>
</section>
<section aria-labelledby="connect">
<h2 id="connect">Connect</h2>
<div class="pair">
<div><span class="label">Address of this relay</span>
<div class="value"><code class="grow" id="address">${escapeHtml(url)}</code></div></div>
<div id="key-part" hidden><label class="label" for="key">Key, to fill in below</label>
<div class="field"><input id="key" type="password" autocomplete="off" placeholder="RELAY_API_KEY"></div>
<p class="note">Stays in this tab: it is neither sent nor stored.</p></div>
</div>
<p class="ask">A client sends the key of this relay (its <code>RELAY_API_KEY</code>, below <code>YOUR_RELAY_API_KEY</code>)${
    hasOAuth
      ? ', or gets only the address: then a page of this relay opens, and you sign in there.'
      : '.</p>\n<p class="warning">Signing in (OAuth) is off: the key has fewer than 32 characters, so it could be guessed.'
  }</p>
${
  isLocal
    ? '<p class="warning">This address works on this machine only. Claude.ai and ChatGPT need one that the internet can reach: deploy the relay, or put a tunnel in front of it.</p>'
    : ''
}
${connectGuides(url)
  .map((guide, i) => renderGuide(guide, hasOAuth, i === 0))
  .join('\n')}
${hasApp ? '<p class="note">The view for chats is on (<code>RELAY_APP</code>): say “show the relay board” where a client shows MCP Apps.</p>' : ''}
</section>
<section class="after" aria-labelledby="say">
<h2 id="say">Then say to a session</h2>
<ul class="say">
${FIRST_SENTENCES.map((sentence) => `<li><span class="grow">${sentence}</span></li>`).join('\n')}
</ul>
</section>`
}

/** The Markdown of the settings table as HTML: `code` and _emphasis_. */
function formatText(text: string): string {
  return escapeHtml(text)
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll(/(^| )_([^_]+)_/g, '$1<em>$2</em>')
}

function renderGuide(guide: ConnectGuide, hasOAuth: boolean, isOpen: boolean): string {
  const { name, steps, blocks, install, onlyOAuth } = guide
  const link =
    install && hasOAuth
      ? `<p><a class="btn line install" href="${escapeHtml(install)}">Add to ${name}</a></p>`
      : ''
  return `<details class="client"${isOpen ? ' open' : ''}>
<summary>${name}${TURN}</summary>
<div class="client-body">
${onlyOAuth && !hasOAuth ? '<p class="warning">Not with this key: it has to sign in.</p>' : ''}
${steps ? `<p>${formatText(steps)}</p>` : ''}
${link}
${blocks.map(renderBlock).join('\n')}
</div>
</details>`
}

const TURN =
  '<svg class="i turn" viewBox="0 0 16 16" aria-hidden="true"><path d="m6 4 4 4-4 4"/></svg>'

function renderBlock({ into, text }: { into: string; text: string }): string {
  return `<figure class="code">
<figcaption>${escapeHtml(into)}</figcaption>
<pre tabindex="0"><code>${escapeHtml(text)}</code></pre>
</figure>`
}
