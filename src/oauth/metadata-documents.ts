/**
 * Client ID Metadata Documents: fetched within limits, cached, and for well-known clients built in
 * (well-known-clients.ts). draft-ietf-oauth-client-id-metadata-document.
 */
import * as z from 'zod/mini'
import { type Body, readBody } from '../http.ts'
import { cleanClientName } from './client-name.ts'
import { findWellKnownClient, isWellKnownUrl, type MetadataDocument } from './well-known-clients.ts'

/** 5 KB, the draft's recommendation. */
const MAX_BYTES = 5 * 1024
/** Milliseconds: a person is waiting for the page. */
const TIME_LIMIT = 3_000
/** Seconds that a document is kept, whatever its own headers ask for. */
const MIN_AGE = 60
const MAX_AGE = 24 * 3600
/** Seconds that it serves beyond that while its host is unreachable. */
const GRACE = 3600
/** Documents kept by one isolate. */
const MAX_KEPT = 100

/** A shared secret has no place in a public document. */
const Document = z.object({
  client_id: z.string(),
  client_name: z.string().check(z.minLength(1), z.maxLength(200)),
  redirect_uris: z.array(z.string()).check(z.minLength(1)),
  token_endpoint_auth_method: z.optional(
    z.string().check(z.refine((method) => !method.startsWith('client_secret'))),
  ),
  client_secret: z.optional(z.never()),
})

/** Why there is no document. `limited`: too many unknown ones were asked for from an address. */
export type DocumentFault = 'unreachable' | 'invalid' | 'limited'

/** Documents by URL, and failures, which are not tried again for a minute. */
const kept = new Map<string, Kept>()

interface Kept {
  document: MetadataDocument | DocumentFault
  /** When it is fetched again. */
  until: number
  /** Until when it is used if fetching fails. */
  graceUntil: number
}

/**
 * Whether a client id is the URL of a document that may be fetched: https, with a path, and a public
 * host name other than our own. IP addresses and local names could make the relay fetch from a network
 * that only it can reach.
 */
export function isDocumentUrl(clientId: string, issuer: string): boolean {
  const url = URL.parse(clientId)
  if (url?.protocol !== 'https:' || url.href !== clientId || url.pathname === '/') return false
  if (url.username || url.password || url.port || clientId.includes('#')) return false
  const name = url.hostname.replace(/\.$/, '')
  return isPublicName(name) && name !== new URL(issuer).hostname
}

const LOCAL_DOMAIN =
  /\.(localhost|localdomain|local|internal|intranet|lan|home|corp|private|test|invalid|onion|arpa)$/

function isPublicName(hostname: string): boolean {
  // URL parsing has turned every spelling of an IPv4 address into digits and dots.
  if (/^[\d.]+$/.test(hostname) || /^\[|\.\.|^[^.]*$/.test(hostname)) return false
  return !LOCAL_DOMAIN.test(hostname)
}

/**
 * The document at that URL, or why there is none. `mayFetch` is asked before a stranger's is fetched:
 * anyone can make the relay ask for one.
 */
export async function fetchMetadataDocument(
  url: string,
  now: number,
  mayFetch: () => Promise<boolean>,
): Promise<MetadataDocument | DocumentFault> {
  const known = kept.get(url)
  const builtIn = findWellKnownClient(url)
  if (known && known.until > now) {
    return typeof known.document === 'string' ? (builtIn ?? known.document) : known.document
  }
  const ongoing = fetching.get(url)
  if (ongoing && ongoing.until > now) {
    const startedAt = Date.now()
    await settles(ongoing)
    return fetchMetadataDocument(url, now + Date.now() - startedAt, mayFetch)
  }
  const own: Fetching = { waiting: [], until: now + TIME_LIMIT }
  fetching.set(url, own)
  try {
    if (!isWellKnownUrl(url) && !(await mayFetch())) return builtIn ?? 'limited'
    return await refresh(url, now)
  } finally {
    if (fetching.get(url) === own) fetching.delete(url)
    for (const wake of own.waiting) wake()
  }
}

/** A request that fetches a document: others wait for it, until it may be gone itself. */
interface Fetching {
  waiting: (() => void)[]
  until: number
}

const fetching = new Map<string, Fetching>()

async function settles({ waiting }: Fetching): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, TIME_LIMIT)
  waiting.push(resolve)
  await promise
  clearTimeout(timer)
}

/** Fetches the document at that URL and keeps it, or why there is none. */
async function refresh(url: string, now: number): Promise<MetadataDocument | DocumentFault> {
  const known = kept.get(url)
  const builtIn = findWellKnownClient(url)
  const fetched = await fetchDocument(url)
  if (fetched === 'unreachable') {
    const isRecent = known && known.graceUntil > now
    if (isRecent && typeof known.document !== 'string') {
      keep(url, { ...known, until: Math.min(now + MIN_AGE * 1000, known.graceUntil) })
      return known.document
    }
  }
  if (typeof fetched === 'string') {
    keep(url, { document: fetched, until: now + MIN_AGE * 1000, graceUntil: 0 })
    return builtIn ?? fetched
  }
  const document = builtIn
    ? {
        ...fetched.document,
        redirect_uris: [...new Set([...fetched.document.redirect_uris, ...builtIn.redirect_uris])],
      }
    : fetched.document
  const until = now + fetched.maxAge * 1000
  keep(url, { document, until, graceUntil: until + GRACE * 1000 })
  return document
}

function keep(url: string, entry: Kept): void {
  kept.delete(url)
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value as string)
  kept.set(url, entry)
}

interface Fetched {
  document: MetadataDocument
  /** Seconds. */
  maxAge: number
}

async function fetchDocument(url: string): Promise<Fetched | 'invalid' | 'unreachable'> {
  let body: Body
  let maxAge: string | undefined
  try {
    const signal = AbortSignal.timeout(TIME_LIMIT)
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal,
    })
    const type = response.headers.get('content-type') ?? ''
    if (response.status !== 200 || !/^application\/([\w.-]+\+)?json\b/i.test(type)) {
      await response.body?.cancel()
      return isTransient(response.status) ? 'unreachable' : 'invalid'
    }
    maxAge = /max-age=(\d+)/.exec(response.headers.get('cache-control') ?? '')?.[1]
    body = await readBody(response, MAX_BYTES)
    // readBody calls a body that was cut off unreadable.
    if (signal.aborted) return 'unreachable'
  } catch {
    return 'unreachable'
  }
  try {
    const { client_id, client_name, redirect_uris } = Document.parse(
      body.ok && JSON.parse(body.text),
    )
    const name = cleanClientName(client_name)
    if (client_id !== url || name === '') return 'invalid'
    return {
      document: { client_id, client_name: name, redirect_uris },
      maxAge: Math.min(Math.max(Number(maxAge ?? 0), MIN_AGE), MAX_AGE),
    }
  } catch {
    return 'invalid'
  }
}

/** Whether a status may be temporary: firewalls answer a Worker with 403 and 429. */
function isTransient(status: number): boolean {
  return status >= 500 || status === 403 || status === 429
}
