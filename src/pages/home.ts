/**
 * The page at `/` for a person who opens the deployment in a browser: whether its settings are
 * complete, how to connect each client, what to say first. Everyone sees the same, so it shows no value
 * of a setting and does not use the database.
 */
import type { ConfigFault } from '../config.ts'
import { SETTINGS } from '../settings-table.ts'
import { type ConnectGuide, connectGuides } from './connect-guides.ts'
import { escapeHtml, page } from './page.ts'

export interface HomePageData {
  /** Of the MCP endpoint, as clients reach it. */
  url: string
  /** What is missing or malformed. */
  faults: ConfigFault[]
  /** What is left out because it is malformed. */
  warnings: ConfigFault[]
  /** Whether clients can sign in; they cannot while the key is too short to sign with. */
  hasOAuth: boolean
  /** Whether only this machine reaches the address. */
  isLocal: boolean
}

export function homePage(data: HomePageData): Response {
  const { faults, warnings } = data
  const content = faults.length > 0 ? renderFaults(faults) : renderGuides(data) + FIRST_SENTENCES
  return page({
    title: 'Relay',
    body: `
<h1>Relay</h1>
<p>A whiteboard for your AI sessions: named threads that each of them can post to and read.</p>
${warnings.map(({ message }) => `<p class="warning">${escapeHtml(message)}</p>`).join('\n')}
${content}`,
    style: STYLE,
    script: SCRIPT,
    icon: '/icon.svg',
  })
}

function renderFaults(faults: ConfigFault[]): string {
  const items = faults.map(({ setting, message }) => {
    const about = SETTINGS.find(({ name }) => name === setting)?.about ?? ''
    return `<li>
<p><strong>${escapeHtml(message)}</strong></p>
<p>${formatText(about)}</p>
${renderBlock({ into: 'Terminal', text: `npx wrangler secret put ${setting}` })}
</li>`
  })
  return `<h2>Not set up yet</h2>
<p class="warning">The relay serves no client until this is fixed.</p>
<ul class="faults">
${items.join('\n')}
</ul>
<p class="hint">Each takes effect at once: reload this page. On your own machine these are lines of
<code>.dev.vars</code>, which is read when the relay starts.</p>`
}

/** The Markdown of the settings table as HTML: `code` and _emphasis_. */
function formatText(text: string): string {
  return escapeHtml(text)
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll(/(^| )_([^_]+)_/g, '$1<em>$2</em>')
}

function renderGuides({ url, hasOAuth, isLocal }: HomePageData): string {
  return `<p>All settings are in place. <code>npm run doctor</code> also checks the database, signing in
and the network in between.</p>
<h2>Connect</h2>
${renderBlock({ into: 'Address of this relay', text: url })}
<p>A client either sends the key of this relay (its <code>RELAY_API_KEY</code>, shown below as
<code>YOUR_RELAY_API_KEY</code>)${
    hasOAuth
      ? ', or is given only the address: then a page of this relay opens, and you sign in there with the key.'
      : '.</p>\n<p class="warning">Signing in (OAuth) is off: the key has fewer than 32 characters, so it could be guessed.'
  }</p>
${isLocal ? '<p class="warning">This address works on this machine only. Claude.ai and ChatGPT need one that the internet can reach: deploy the relay, or put a tunnel in front of it.</p>' : ''}
${connectGuides(url)
  .map((guide) => renderGuide(guide, hasOAuth))
  .join('\n')}`
}

function renderGuide(guide: ConnectGuide, hasOAuth: boolean): string {
  const { name, steps, blocks, install, onlyOAuth } = guide
  const link =
    install && hasOAuth
      ? `<p><a class="install" href="${escapeHtml(install)}">Add to ${name}</a></p>`
      : ''
  return `<details name="client">
<summary>${name}</summary>
${onlyOAuth && !hasOAuth ? '<p class="warning">Not with this key: it has to sign in.</p>' : ''}
${steps ? `<p>${formatText(steps)}</p>` : ''}
${link}
${blocks.map(renderBlock).join('\n')}
</details>`
}

function renderBlock({ into, text }: { into: string; text: string }): string {
  return `<figure>
<figcaption>${escapeHtml(into)}</figcaption>
<pre tabindex="0"><code>${escapeHtml(text)}</code></pre>
</figure>`
}

const FIRST_SENTENCES = `
<h2>Then say</h2>
<ul>
<li>“Check relay for news.”</li>
<li>“Post to relay where we are, in the thread <code>billing-migration</code>.”</li>
<li>“What did the other sessions write about the release?”</li>
</ul>`

const STYLE = `
main { max-width: 44rem; align-self: start; }
h2 { margin: 1.75rem 0 0.6rem; font-size: 1.1rem; }
ul { margin: 0 0 0.9rem; padding-left: 1.2rem; }
.faults { padding: 0; list-style: none; }
details { border-top: 1px solid var(--line); padding: 0 0.2rem; }
details:last-of-type { border-bottom: 1px solid var(--line); }
details[open] { padding-bottom: 0.6rem; }
summary { padding: 0.65rem 0; font-weight: 600; cursor: pointer; }
figure { position: relative; margin: 0 0 0.9rem; }
figcaption { color: var(--faint); font-size: 0.9rem; padding-right: 4.5rem; }
pre {
  margin: 0.3rem 0 0; padding: 0.7rem 0.85rem; border-radius: 0.5rem; background: var(--ground);
  white-space: pre-wrap; line-height: 1.4;
}
figure button {
  position: absolute; top: -0.35rem; right: 0; min-height: 1.75rem; padding: 0 0.6rem;
  border: 1px solid var(--line); border-radius: 0.4rem; background: var(--paper); color: var(--accent);
  font: inherit; font-size: 0.85rem; font-weight: 600; cursor: pointer;
}
a { color: var(--accent); }
.install {
  display: inline-block; padding: 0.5rem 1rem; border-radius: 0.5rem; background: var(--accent);
  color: var(--on-accent); font-weight: 600; text-decoration: none;
}
`

/** Adds a button to each block, where the browser lets a page copy. */
const SCRIPT = `
if (navigator.clipboard) for (const figure of document.querySelectorAll('figure')) {
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = 'Copy'
  button.setAttribute('aria-live', 'polite')
  button.title = 'Copy: ' + figure.querySelector('figcaption').textContent
  button.onclick = async () => {
    await navigator.clipboard.writeText(figure.querySelector('code').textContent)
    button.textContent = 'Copied'
    setTimeout(() => { button.textContent = 'Copy' }, 2000)
  }
  figure.querySelector('figcaption').after(button)
}`
