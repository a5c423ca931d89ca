/**
 * The authorization endpoint: GET asks the person for consent and the key, POST issues the code.
 * Errors are shown to the person until the redirect URI is proven to be the client's; after that they
 * go to the client. OAuth 2.1 section 4.1, RFC 9207.
 */
import type { Config } from '../config.ts'
import { readBody, redirect } from '../http.ts'
import { isApiKey } from '../keys.ts'
import type { RequestLog } from '../log.ts'
import { parseScope, type Scope } from '../scopes.ts'
import { type Client, findClient } from './clients.ts'
import { consentPage, errorPage } from './consent-page.ts'
import { OAuthError } from './errors.ts'
import { createTokenId, hashClientId, type SigningKeys, sign } from './jwt.ts'
import { CODE_CHALLENGE_METHOD, RESPONSE_TYPE } from './metadata.ts'
import { requireSingle, withoutEmpty } from './parameters.ts'
import { isCodeChallenge } from './pkce.ts'
import { isSameRedirectUri } from './redirect-uris.ts'
import { requireResource } from './resources.ts'

/** What the endpoint needs besides the request. */
export interface AuthorizeContext {
  config: Config
  keys: SigningKeys
  log: RequestLog
  now: number
  /** Counts a wrong key; false when there were too many from there. */
  countGuess(): Promise<boolean>
  /** Counts a client that was not met before; false when there were too many from there. */
  countRegistration(): Promise<boolean>
  /** Whether the form was posted from a page of our own. */
  isOwnForm: boolean
}

/** A request whose client and redirect URI are proven. */
interface AuthorizationRequest {
  client: Client
  redirectUri: string
  state: string | undefined
  parameters: URLSearchParams
}

/** Bytes of a form: the longest client id, and as much again. */
const MAX_FORM = 16_384

/** Asks for consent: answers with the page, or with a redirect that carries an error. */
export async function showConsent(request: Request, context: AuthorizeContext): Promise<Response> {
  return answer(new URL(request.url).searchParams, context, async (proven) => {
    const scope = check(proven, context)
    return consent(proven, scope)
  })
}

/** Takes the person's decision: issues a code, or says that it was denied. */
export async function decide(request: Request, context: AuthorizeContext): Promise<Response> {
  if (!context.isOwnForm) {
    return errorPage('This form came from another site, so nothing was done.', 403)
  }
  const type = request.headers.get('content-type') ?? ''
  const body = await readBody(request)
  if (!/^application\/x-www-form-urlencoded\b/i.test(type) || !body.ok) {
    return errorPage('The form could not be read.', 400)
  }
  if (body.text.length > MAX_FORM) return errorPage('The form is too large.', 413)

  return answer(new URLSearchParams(body.text), context, async (proven) => {
    const { client, redirectUri, parameters } = proven
    const scope = check(proven, context)
    if (parameters.get('action') === 'cancel') {
      throw new OAuthError('access_denied', 'The person said no')
    }
    const key = (parameters.get('api_key') ?? '').trim()
    if (!(await isApiKey(key, context.config))) {
      context.log.add({ outcome: 'refused', error_code: 'wrong_key' })
      const mayTryAgain = await context.countGuess()
      return consent(proven, scope, mayTryAgain ? 'wrong' : 'limited')
    }
    const code = await sign(
      'code',
      {
        sub: context.config.userId,
        client: await hashClientId(client.client_id),
        name: client.client_name,
        scope,
        jti: createTokenId(),
        redirect_uri: redirectUri,
        code_challenge: parameters.get('code_challenge') as string,
      },
      context.keys,
      context.now,
    )
    return respond(proven, context.keys, { code })
  })
}

/** Proves client and redirect URI, and sends every error to where it belongs. */
async function answer(
  sent: URLSearchParams,
  context: AuthorizeContext,
  then: (proven: AuthorizationRequest) => Promise<Response>,
): Promise<Response> {
  const { keys, log, now, countRegistration } = context
  const parameters = withoutEmpty(sent)
  const clientIds = parameters.getAll('client_id')
  const client =
    clientIds.length === 1
      ? await findClient(clientIds[0] ?? '', keys, now, countRegistration)
      : undefined
  if (!client) {
    log.add({ error_code: 'invalid_client' })
    return errorPage(
      'The app that sent you here is not known to this relay. Remove the connection in the app and add it again.',
      400,
    )
  }
  const redirectUris = parameters.getAll('redirect_uri')
  // A client with one redirect URI may leave it out, OAuth 2.1 section 4.1.1.
  const [redirectUri = client.redirect_uris[0] ?? ''] = redirectUris
  const isOne =
    redirectUris.length === 1 || (redirectUris.length === 0 && client.redirect_uris.length === 1)
  if (!isOne || !client.redirect_uris.some((own) => isSameRedirectUri(own, redirectUri))) {
    log.add({ error_code: 'invalid_redirect_uri' })
    return errorPage(
      'The app asked to send you to an address that it has not registered, so nothing was done.',
      400,
    )
  }

  const state = parameters.get('state') ?? undefined
  const proven = { client, redirectUri, state, parameters }
  try {
    return await then(proven)
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    log.add({ outcome: 'refused', error_code: error.code })
    return respond(proven, keys, { error: error.code, error_description: error.message })
  }
}

/** Everything else about a request; returns the scope it asks for. Throws OAuthError. */
function check({ parameters }: AuthorizationRequest, { keys }: AuthorizeContext): Scope {
  requireSingle(parameters)
  // The form has no field for it.
  if ((parameters.get('response_type') ?? RESPONSE_TYPE) !== RESPONSE_TYPE) {
    throw new OAuthError('unsupported_response_type', `response_type must be ${RESPONSE_TYPE}`)
  }
  if (parameters.get('code_challenge_method') !== CODE_CHALLENGE_METHOD) {
    throw new OAuthError(
      'invalid_request',
      `code_challenge_method must be ${CODE_CHALLENGE_METHOD}`,
    )
  }
  if (!isCodeChallenge(parameters.get('code_challenge') ?? '')) {
    throw new OAuthError('invalid_request', 'code_challenge must be a SHA-256 digest in base64url')
  }
  requireResource(parameters, keys.issuer)
  return parseScope(parameters.get('scope')) ?? 'mcp'
}

function consent(
  { client, redirectUri, parameters }: AuthorizationRequest,
  scope: Scope,
  problem?: 'wrong' | 'limited',
): Response {
  return consentPage({ client, redirectUri, scope, parameters, problem })
}

/** Sends the person back to the client, RFC 6749 sections 4.1.2 and 4.1.2.1, with `iss`, RFC 9207. */
function respond(
  { redirectUri, state }: AuthorizationRequest,
  { issuer }: SigningKeys,
  result: Record<string, string>,
): Response {
  const parameters = new URLSearchParams(result)
  if (state !== undefined) parameters.set('state', state)
  parameters.set('iss', issuer)
  // Appended to the very text that was registered, which parsing might spell otherwise.
  return redirect(`${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${parameters}`)
}
