/**
 * Client ID Metadata Documents: fetched with care, kept for a while, and for the well-known clients
 * built in, since theirs have been out of reach at times. draft-ietf-oauth-client-id-metadata-document.
 */
import * as z from 'zod/mini'
import { cleanClientName } from './client-name.ts'

export interface MetadataDocument {
  client_id: string
  client_name: string
  redirect_uris: string[]
}

/** 5 KB, the draft's recommendation. */
const MAX_BYTES = 5 * 1024
/** Milliseconds, of the time that a person waits for the page. */
const TIME_LIMIT = 3_000
/** Seconds that a document is kept, whatever its own headers ask for. */
const MIN_AGE = 60
const MAX_AGE = 24 * 3600
/** Seconds that it serves beyond that, while its host is out of reach. */
const GRACE = 3600
/** Documents kept by one isolate. */
const MAX_KEPT = 100

/** A secret that is shared would be no secret in a public document. */
const Document = z.object({
  client_id: z.string(),
  client_name: z.string().check(z.minLength(1), z.maxLength(200)),
  redirect_uris: z.array(z.string()).check(z.minLength(1)),
  token_endpoint_auth_method: z.optional(
    z.string().check(z.refine((method) => !method.startsWith('client_secret'))),
  ),
  client_secret: z.optional(z.never()),
})

/** What the documents of well-known clients say, for when they cannot be fetched. */
const BUILT_IN: ReadonlyMap<string, MetadataDocument> = new Map(
  [
    {
      client_id: 'https://claude.ai/oauth/mcp-oauth-client-metadata',
      client_name: 'Claude',
      redirect_uris: [
        'https://claude.ai/api/mcp/auth_callback',
        'https://claude.com/api/mcp/auth_callback',
      ],
    },
    {
      client_id: 'https://claude.ai/oauth/claude-code-client-metadata',
      client_name: 'Claude Code',
      redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
    },
    {
      client_id: 'https://chatgpt.com/oauth/client.json',
      client_name: 'ChatGPT',
      redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
    },
  ].map((document) => [document.client_id, document]),
)

const kept = new Map<string, { document: MetadataDocument; until: number }>()

/**
 * Whether a client id is the URL of a document that may be fetched: https, with a path, and a public
 * host name other than our own. Numbers and local names would make the relay knock on doors that
 * only it can reach.
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
 * The document at that URL, or undefined. Only valid documents are kept. `mayFetch` is asked before a
 * stranger's is fetched: anyone can make the relay ask for one.
 */
export async function fetchMetadataDocument(
  url: string,
  now: number,
  mayFetch: () => Promise<boolean>,
): Promise<MetadataDocument | undefined> {
  const known = kept.get(url)
  if (known && known.until > now) return known.document
  const builtIn = BUILT_IN.get(url)
  if (!builtIn && !(await mayFetch())) return undefined
  const fetched = await fetchDocument(url)
  if (fetched === 'out of reach') {
    return known && known.until + GRACE * 1000 > now ? known.document : builtIn
  }
  kept.delete(url)
  if (fetched === 'invalid') return builtIn
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value as string)
  kept.set(url, { document: fetched.document, until: now + fetched.maxAge * 1000 })
  return fetched.document
}

interface Fetched {
  document: MetadataDocument
  /** Seconds. */
  maxAge: number
}

async function fetchDocument(url: string): Promise<Fetched | 'invalid' | 'out of reach'> {
  let text: string | undefined
  let maxAge: string | undefined
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(TIME_LIMIT),
    })
    const type = response.headers.get('content-type') ?? ''
    if (response.status !== 200 || !/^application\/([\w.-]+\+)?json\b/i.test(type)) {
      await response.body?.cancel()
      return response.status >= 500 ? 'out of reach' : 'invalid'
    }
    maxAge = /max-age=(\d+)/.exec(response.headers.get('cache-control') ?? '')?.[1]
    text = await readText(response)
  } catch {
    return 'out of reach'
  }
  try {
    const { client_id, client_name, redirect_uris } = Document.parse(text && JSON.parse(text))
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

async function readText(response: Response): Promise<string | undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_BYTES) return undefined
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
