/**
 * The registration endpoint, RFC 7591. Nothing is stored: the client id is a signed statement of the
 * registration, so an unregistered redirect URI is still refused.
 */
import * as z from 'zod/mini'
import { BODY_SENTENCES, BODY_STATUSES, isJson, json, readBody } from '../http.ts'
import { cleanClientName } from './client-name.ts'
import { OAuthError } from './errors.ts'
import { createTokenId, type SigningKeys, sign } from './jwt.ts'
import { GRANT_TYPES, RESPONSE_TYPE, TOKEN_ENDPOINT_AUTH_METHOD } from './metadata.ts'
import { isRedirectUri } from './redirect-uris.ts'

/** Cursor registers three; no client is known to register more than a handful. */
const MAX_REDIRECT_URIS = 10

/** Bytes of a registration: many times that of any client. */
const MAX_BODY_BYTES = 16_384

/** Characters of a client id, which is sent in URLs. */
const MAX_CLIENT_ID = 2_000

const Registration = z.object({
  redirect_uris: z.array(z.string()),
  client_name: z.nullish(z.string()),
})

/** Registers a client. Throws OAuthError. */
export async function register(
  request: Request,
  keys: SigningKeys,
  now: number,
): Promise<Response> {
  const registration = Registration.safeParse(await readJson(request))
  if (!registration.success) {
    const [issue] = registration.error.issues
    if (issue?.path[0] === 'redirect_uris') {
      throw new OAuthError('invalid_redirect_uri', 'redirect_uris must be an array of strings')
    }
    throw new OAuthError(
      'invalid_client_metadata',
      'The body must be a JSON object, and client_name in it a string',
    )
  }
  const { redirect_uris } = registration.data
  if (redirect_uris.length === 0 || redirect_uris.length > MAX_REDIRECT_URIS) {
    throw new OAuthError('invalid_redirect_uri', `Register 1 to ${MAX_REDIRECT_URIS} redirect URIs`)
  }
  if (!redirect_uris.every(isRedirectUri)) {
    throw new OAuthError(
      'invalid_redirect_uri',
      "Redirect URIs must be https, http on loopback, or a native client's own scheme, without a fragment",
    )
  }

  const client_name = cleanClientName(registration.data.client_name ?? '') || 'Unnamed client'
  const client_id = await sign(
    'client',
    { name: client_name, redirect_uris, jti: createTokenId() },
    keys,
    now,
  )
  if (client_id.length > MAX_CLIENT_ID) {
    throw new OAuthError('invalid_client_metadata', 'The redirect URIs are too long in total')
  }
  return json(
    {
      client_id,
      client_id_issued_at: Math.floor(now / 1000),
      client_name,
      redirect_uris,
      grant_types: GRANT_TYPES,
      response_types: [RESPONSE_TYPE],
      // Whatever was asked for: RFC 7591 section 2 lets the server replace it.
      token_endpoint_auth_method: TOKEN_ENDPOINT_AUTH_METHOD,
    },
    201,
    { 'cache-control': 'no-store' },
  )
}

async function readJson(request: Request): Promise<unknown> {
  if (!isJson(request)) {
    throw new OAuthError('invalid_client_metadata', 'The Content-Type must be application/json')
  }
  const body = await readBody(request, MAX_BODY_BYTES)
  if (!body.ok && body.fault !== 'unreadable') {
    const message = BODY_SENTENCES[body.fault]
    throw new OAuthError('invalid_client_metadata', message, BODY_STATUSES[body.fault])
  }
  try {
    if (body.ok) return JSON.parse(body.text)
  } catch {}
  throw new OAuthError('invalid_client_metadata', 'The body is not JSON in UTF-8')
}
