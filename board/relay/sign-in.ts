/**
 * Signing in: OAuth 2.1 with PKCE, like any other client. The tokens live in sessionStorage, or in
 * localStorage when the person stays signed in. Nothing else in the board touches them.
 */
import { computed, signal } from '@preact/signals'
import { Fault } from './fault.ts'
import { canStore, storage, tabStorage } from './storage.ts'

const STORE = 'relay-board'
const ATTEMPT = 'relay-board-attempt'
const REDIRECT_URI = `${location.origin}/board/`
const CLIENT_ID = `${location.origin}/board/client.json`

interface Tokens {
  access: string
  refresh: string
  scope: string
}

/** Saved between leaving for the consent page and coming back. */
interface Attempt {
  verifier: string
  state: string
  stays: boolean
  /** The fragment to return to. */
  place: string
}

const tokens = signal<Tokens | undefined>(load())

/** Whether the board has tokens; they may turn out to be refused. */
export const isSignedIn = computed(() => tokens.value !== undefined)

/** Changes with each sign-in, in this tab or another. */
export const session = computed(() => tokens.value?.access)

/** Whether the sign-in may only read. */
export const isReadOnly = computed(() => tokens.value?.scope === 'mcp:read')

// Another tab may have signed in or refreshed. One that has signed out has cleared everything; what this
// one still holds in memory goes with a reload.
addEventListener('storage', ({ key }) => {
  if (key === STORE) tokens.value = load()
  else if (key === null) location.reload()
})

/** Why signing in is impossible here: browsers compute digests only over https or on this machine. */
export const obstacle = globalThis.crypto?.subtle ? (canStore ? undefined : 'storage') : 'http'

/** Whether the sign-in, valid or not, is one that outlives this tab. */
export function staysSignedIn(): boolean {
  return tabStorage.getItem(STORE) === null && storage.getItem(STORE) !== null
}

/** Leaves for the consent page. */
export async function signIn(stays: boolean): Promise<void> {
  const { verifier, state, query } = await createRequest()
  // An address with a secret in it is not kept to come back to.
  const place = location.hash.startsWith('#link=') ? '' : location.hash
  const attempt: Attempt = { verifier, state, stays, place }
  tabStorage.setItem(ATTEMPT, JSON.stringify(attempt))
  location.assign(`/authorize?${query}`)
}

/** Signs in with the code of a link that npm start printed. Throws Fault. */
export async function signInWithLink(link: string): Promise<void> {
  const { verifier, state, query } = await createRequest()
  query.set('link', link)
  query.set('action', 'allow')
  const response = await send('/authorize', query)
  await response.body?.cancel()
  const answer = new URL(response.url).searchParams
  const code = answer.get('code')
  if (!response.redirected || answer.get('state') !== state) {
    throw new Fault('offline', `The relay could not sign you in: it answered ${response.status}.`)
  }
  if (code === null) {
    const reason = answer.get('error_description') ?? 'The link is not valid'
    throw new Fault(
      'signed_out',
      `${reason}: each works once, for ten minutes. Sign in with the key, or run npm run status for a new link.`,
    )
  }
  await redeem(code, verifier, false)
}

/**
 * Finishes a sign-in when the address is that of a return from the consent page, and puts the place
 * from before it into the address. Returns why it failed; undefined when it did not, or there was none.
 */
export async function finishSignIn(): Promise<string | undefined> {
  const query = new URLSearchParams(location.search)
  const code = query.get('code')
  const error = query.get('error')
  if (code === null && error === null) return undefined
  const attempt = JSON.parse(tabStorage.getItem(ATTEMPT) ?? 'null') as Attempt | null
  tabStorage.removeItem(ATTEMPT)
  history.replaceState(null, '', `/board/${attempt?.place ?? ''}`)
  if (!attempt || query.get('state') !== attempt.state || query.get('iss') !== location.origin) {
    return 'This sign-in was not started here. Start it again.'
  }
  if (error === 'access_denied') return 'You cancelled the sign-in.'
  if (code === null) return query.get('error_description') ?? 'The sign-in failed.'
  try {
    await redeem(code, attempt.verifier, attempt.stays)
    return undefined
  } catch (fault) {
    return (fault as Error).message
  }
}

/** The header of a call. Throws Fault without tokens. */
export function authorization(): string {
  const current = tokens.peek()
  if (!current) throw new Fault('signed_out', 'You are signed out.')
  return `Bearer ${current.access}`
}

let refreshing: Promise<void> | undefined

/**
 * Gets new tokens after the access token `refused` was; does nothing if another call or tab already
 * has. Throws Fault: `signed_out` when the refresh token is refused too, `offline` when that is unknown.
 */
export function refresh(refused: string): Promise<void> {
  const stored = load()
  if (stored && `Bearer ${stored.access}` !== refused) {
    tokens.value = stored
    return Promise.resolve()
  }
  refreshing ??= renew().finally(() => {
    refreshing = undefined
  })
  return refreshing
}

async function renew(): Promise<void> {
  const current = tokens.peek()
  if (!current) throw new Fault('signed_out', 'You are signed out.')
  const grant = { grant_type: 'refresh_token', refresh_token: current.refresh }
  await requestTokens(new URLSearchParams(grant), staysSignedIn())
}

/** Forgets the tokens and everything that was typed; this page still holds both. */
export function forget(): void {
  tabStorage.clear()
  storage.clear()
}

/** Ends this browser's subscription to push messages, if it has one. */
export async function unsubscribe(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration()
  const subscription = await registration?.pushManager?.getSubscription()
  await subscription?.unsubscribe()
}

/** Milliseconds that a push service may take to end a subscription. */
const UNSUBSCRIBE_LIMIT = 2_000

/** Forgets everything, and begins anew. */
export async function signOut(): Promise<void> {
  forget()
  // The relay has ended the device with the sign-in, so that a subscription that stays does no harm.
  const isLate = new Promise((resolve) => setTimeout(resolve, UNSUBSCRIBE_LIMIT))
  await Promise.race([unsubscribe().catch(() => {}), isLate])
  // With a new page nothing is left in memory either.
  location.replace('/board/')
}

async function createRequest() {
  const verifier = randomText()
  const state = randomText()
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: CLIENT_ID,
    redirect_uri: REDIRECT_URI,
    state,
    code_challenge: toBase64Url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
    resource: `${location.origin}/mcp`,
  })
  return { verifier, state, query }
}

/** Exchanges a code for tokens, which are kept beyond this tab if `stays`. Throws Fault. */
function redeem(code: string, verifier: string, stays: boolean): Promise<void> {
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: REDIRECT_URI,
  })
  return requestTokens(form, stays)
}

async function requestTokens(form: URLSearchParams, stays: boolean): Promise<void> {
  form.set('client_id', CLIENT_ID)
  const response = await send('/token', form)
  const answer = await response.json().catch(() => ({}))
  if (typeof answer.access_token !== 'string') {
    // Only the relay itself ends a sign-in: a page of something in front of it says nothing about it.
    const isRefused = typeof answer.error === 'string' && response.status < 500
    if (isRefused && response.status !== 429) {
      throw new Fault('signed_out', 'You were signed out.')
    }
    throw new Fault('offline', `The relay could not sign you in: it answered ${response.status}.`)
  }
  const { access_token, refresh_token, scope } = answer
  const renewed: Tokens = { access: access_token, refresh: refresh_token, scope }
  // The tab's own come first when both are there, so an older one must not hide this.
  if (stays) tabStorage.removeItem(STORE)
  const place = stays ? storage : tabStorage
  place.setItem(STORE, JSON.stringify(renewed))
  tokens.value = renewed
}

async function send(path: string, form: URLSearchParams): Promise<Response> {
  try {
    return await fetch(path, { method: 'POST', body: form, signal: AbortSignal.timeout(15_000) })
  } catch {
    throw new Fault('offline', 'The relay cannot be reached.')
  }
}

function load(): Tokens | undefined {
  const stored = tabStorage.getItem(STORE) ?? storage.getItem(STORE)
  try {
    const parsed = JSON.parse(stored ?? 'null')
    return typeof parsed?.access === 'string' ? parsed : undefined
  } catch {
    return undefined
  }
}

function randomText(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(32)))
}

/** Bytes in base64url, without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
