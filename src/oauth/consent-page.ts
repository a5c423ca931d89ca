/** The consent page, and the page for errors that cannot be sent to a client: functions of their data. */
import { escapeHtml, messagePage, page } from '../pages/page.ts'
import type { Scope } from '../scopes.ts'
import type { Client } from './clients.ts'
import { isLoopbackUri } from './redirect-uris.ts'

export interface ConsentPageData {
  /** The host of this relay. */
  relay: string
  client: Client
  redirectUri: string
  /** The requested scope; the person may narrow it. */
  scope: Scope
  /** The request, to be repeated with the decision. */
  parameters: URLSearchParams
  /** The fault of the key that was sent last. */
  problem?: 'wrong' | 'limited' | undefined
}

/** Parameters that the form repeats; each is validated again when it comes back. */
const CARRIED = ['client_id', 'redirect_uri', 'state', 'code_challenge', 'code_challenge_method']

const PROBLEMS = {
  wrong: { status: 403, sentence: 'That is not the key of this relay.' },
  limited: {
    status: 429,
    sentence: 'Too many wrong keys were sent from your address. Wait a minute, then try again.',
  },
}

/**
 * Asks the person: where the browser goes next, who claims to be asking, and what it may do. The
 * destination comes first, because it is the only thing here that a client cannot make up.
 */
export function consentPage(data: ConsentPageData): Response {
  const { relay, client, redirectUri, scope, parameters, problem } = data
  const failure = problem && PROBLEMS[problem]
  const hidden = [
    ...CARRIED.map((name) => [name, parameters.get(name)] as const),
    ...parameters.getAll('resource').map((value) => ['resource', value] as const),
  ]
    .filter(([, value]) => value !== null)
    .map(
      ([name, value]) =>
        `<input type="hidden" name="${name}" value="${escapeHtml(value as string)}">`,
    )

  // Bold between quotation marks, and with none of its own, a name cannot pass for our words.
  const name = escapeHtml(client.client_name.replaceAll(/["“”„‟«»]/g, "'"))
  const source = client.host
    ? `The name comes from <span class="host">${escapeHtml(client.host)}</span>.`
    : 'It chose this name itself.'
  const title = client.isBoard ? 'Sign in to the board' : 'Connect to your relay?'
  const body = `
<h1>${title}</h1>
<dl>
<dt>Your relay</dt>
<dd><code>${escapeHtml(relay)}</code></dd>
${client.isBoard ? '' : `<dt>You will be sent to</dt>\n<dd><code>${escapeHtml(describeDestination(redirectUri))}</code></dd>\n`}</dl>
${
  client.isBoard
    ? '<p>The board is a page of this relay. It shows your threads in this browser.</p>'
    : `<p>An app called “<strong>${name}</strong>” wants to connect. ${source}</p>
${isLoopbackUri(redirectUri) ? LOOPBACK_WARNING : ''}`
}
<form method="post" action="/authorize">
${hidden.join('\n')}
${renderPermission(scope, parameters, client.isBoard === true)}
<input class="unseen" type="text" name="username" value="relay" autocomplete="username" tabindex="-1" aria-hidden="true" readonly>
<label for="api_key">Key of this relay</label>
<input id="api_key" name="api_key" type="password" autocomplete="current-password" required autofocus
 spellcheck="false" autocapitalize="none"${failure ? ' aria-invalid="true" aria-describedby="problem"' : ''}>
${failure ? `<p id="problem" class="problem" role="alert">${failure.sentence}</p>` : ''}
<p class="hint">This is the <code>RELAY_API_KEY</code> of your deployment. The app never sees it.</p>
<div class="buttons">
<button type="submit" name="action" value="allow">Allow</button>
<button type="submit" name="action" value="cancel" class="quiet" formnovalidate>Cancel</button>
</div>
</form>`
  const response = page({
    title,
    body,
    status: failure?.status ?? 200,
  })
  if (problem === 'limited') response.headers.set('retry-after', '60')
  return response
}

/** Shows the person an error that cannot be sent to a client, because none is proven. */
export function errorPage(sentence: string, status: number): Response {
  return messagePage('Not connected', sentence, status)
}

const LOOPBACK_WARNING = `<p class="warning">This is a program on the computer in front of you.
Continue only if you have just started to connect it yourself.</p>`

function renderPermission(scope: Scope, parameters: URLSearchParams, isBoard: boolean): string {
  if (scope === 'mcp:read') {
    return `<input type="hidden" name="scope" value="mcp:read">
<p>It may <strong>read</strong> all threads, and change nothing.</p>`
  }
  const isAskedAgain = asksForMore(parameters)
  const checked = (isChecked: boolean) => (isChecked ? ' checked' : '')
  return `${isAskedAgain ? ASKED_AGAIN : ''}<fieldset>
<legend>It may</legend>
<label class="choice"><input type="radio" name="scope" value="mcp"${checked(!isAskedAgain)}>
<span>read and post in all threads</span></label>
<label class="choice"><input type="radio" name="scope" value="mcp:read"${checked(isAskedAgain)}>
<span>read only</span></label>
${isBoard ? '' : LATER}</fieldset>`
}

/**
 * Whether an app that may read asks for more: after the challenge to a post, clients put the scope that
 * is missing behind the one they have. The scopes of the metadata come in the other order.
 */
function asksForMore(parameters: URLSearchParams): boolean {
  return /^mcp:read +mcp$/.test(parameters.get('scope') ?? '')
}

const LATER = `<p class="hint">If you allow more later, the app may need a new connection, or up to a day,
before it uses it.</p>
`

const ASKED_AGAIN = `<p class="warning">You have allowed this app to read. It asks again because it
tried to post or to change something.</p>
`

/** Where the browser goes: the host, or for an app on this device the whole address. */
function describeDestination(redirectUri: string): string {
  const url = new URL(redirectUri)
  return url.protocol === 'https:' ? url.host : redirectUri
}
