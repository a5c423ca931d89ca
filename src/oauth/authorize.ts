/**
 * The authorization endpoint: GET asks the person for consent and the key, POST issues the code.
 * Errors are shown to the person until the redirect URI is proven to be the client's, and sent to the
 * client after that. OAuth 2.1 section 4.1, RFC 9207.
 */
import type { Config } from '../config.ts'
import { BODY_STATUSES, readBody, redirect } from '../http.ts'
import { judgeKey } from '../keys.ts'
import type { RequestLog } from '../log.ts'
import { parseScope, type Scope } from '../scopes.ts'
import { CLIENT_FAULTS } from './client-faults.ts'
import { type Client, findClient } from './clients.ts'
import { consentPage, errorPage } from './consent-page.ts'
import { OAuthError } from './errors.ts'
import { createTokenId, hashClientId, LIFETIMES, type SigningKeys, sign, verify } from './jwt.ts'
import { CODE_CHALLENGE_METHOD, RESPONSE_TYPE } from './metadata.ts'
import { MAX_FORM_BYTES, parseParameters, requireSingle } from './parameters.ts'
import { isCodeChallenge } from './pkce.ts'
import { redeem } from './redeemed.ts'
import { isSameRedirectUri } from './redirect-uris.ts'
import { requireResource } from './resource-indicator.ts'
import { isWellKnownUrl } from './well-known-clients.ts'

/** The context of the endpoint, in addition to the request. */
export interface AuthorizeContext {
  config: Config
  keys: SigningKeys
  log: RequestLog
  now: number
  /** Counts a wrong key; false when there were too many from the person's address. */
  countGuess(): Promise<boolean>
  /** Counts an unknown client; false when there were too many from the person's address. */
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

/** Asks for consent: answers with the page, or with a redirect that carries an error. */
export async function showConsent(request: Request, context: AuthorizeContext): Promise<Response> {
  const mayRedirect = ({ client, redirectUri }: AuthorizationRequest) =>
    !redirectUri.startsWith('https:') || client.isBoard || isWellKnownUrl(client.client_id)
  return prove(new URL(request.url).search.slice(1), context, mayRedirect, async (proven) => {
    const scope = requireValid(proven, context)
    return askConsent(proven, scope, context.keys)
  })
}

/** Takes the person's decision: issues a code, or tells the client that it was denied. */
export async function decide(request: Request, context: AuthorizeContext): Promise<Response> {
  if (!context.isOwnForm) {
    return errorPage('This form came from another site, so nothing was done.', 403)
  }
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/x-www-form-urlencoded\b/i.test(type)) {
    return errorPage('The form could not be read.', 400)
  }
  const body = await readBody(request, MAX_FORM_BYTES)
  if (!body.ok) return errorPage('The form could not be read.', BODY_STATUSES[body.fault])

  const mayRedirect = () => true
  return prove(body.text, context, mayRedirect, async (proven) => {
    const { client, redirectUri, parameters } = proven
    const scope = requireValid(proven, context)
    if (parameters.get('action') === 'cancel') {
      throw new OAuthError('access_denied', 'The person declined')
    }
    const link = client.isBoard ? parameters.get('link') : null
    if (link !== null) {
      await redeemLink(link, context)
    } else {
      const { config, countGuess } = context
      const verdict = await judgeKey(parameters.get('api_key') ?? '', config, countGuess)
      if (verdict !== 'right') {
        context.log.add({ outcome: 'refused', error_code: 'wrong_key' })
        return askConsent(proven, scope, context.keys, verdict)
      }
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
    return redirectToClient(proven, context.keys, { code })
  })
}

/** Takes the code of a link that npm start printed, in place of the key. Throws OAuthError. */
async function redeemLink(link: string, { config, keys, now }: AuthorizeContext): Promise<void> {
  const claims = await verify('link', link, keys, now)
  if (claims?.sub !== config.userId) {
    throw new OAuthError('access_denied', 'The link is no longer valid')
  }
  if (!redeem(claims.jti, LIFETIMES.link, now)) {
    throw new OAuthError('access_denied', 'The link has already been used')
  }
}

/**
 * Proves client and redirect URI before `next`, and sends every error where it belongs: to the client if
 * `mayRedirect`, else to the person. Anyone can register an https client, so a link to this relay that
 * redirects without a person's decision would lead anywhere (RFC 9700 section 4.11.2).
 */
async function prove(
  sent: string,
  context: AuthorizeContext,
  mayRedirect: (proven: AuthorizationRequest) => boolean,
  next: (proven: AuthorizationRequest) => Promise<Response>,
): Promise<Response> {
  const { keys, log, now, countRegistration } = context
  const parameters = parseParameters(sent)
  if (!parameters) {
    log.add({ error_code: 'invalid_request' })
    return errorPage('The sign-in request has too many parameters. Nothing was changed.', 400)
  }
  const clientIds = parameters.getAll('client_id')
  const [clientId = ''] = clientIds
  const client =
    clientIds.length === 1 ? await findClient(clientId, keys, now, countRegistration) : 'unknown'
  if (typeof client === 'string') {
    log.add({ error_code: 'invalid_client', reason: `client: ${client}` })
    const { sentence, status } = CLIENT_FAULTS[client]
    const host = URL.parse(clientId)?.host ?? ''
    return errorPage(sentence.replaceAll('HOST', host), status)
  }
  const redirectUris = parameters.getAll('redirect_uri')
  // A client with one redirect URI may leave it out, OAuth 2.1 section 4.1.1.
  const [redirectUri = client.redirect_uris[0] ?? ''] = redirectUris
  const isOne =
    redirectUris.length === 1 || (redirectUris.length === 0 && client.redirect_uris.length === 1)
  // The board is at one address; programs on this machine choose their port anew each time.
  const isRegistered = client.isBoard
    ? client.redirect_uris.includes(redirectUri)
    : client.redirect_uris.some((own) => isSameRedirectUri(own, redirectUri))
  if (!isOne || !isRegistered) {
    log.add({ error_code: 'invalid_redirect_uri' })
    return errorPage(
      'The app asked to send you to an address that it has not registered, so nothing was done.',
      400,
    )
  }

  const state = parameters.get('state') ?? undefined
  const proven = { client, redirectUri, state, parameters }
  try {
    return await next(proven)
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    log.add({ outcome: 'refused', error_code: error.code })
    if (!mayRedirect(proven)) {
      return errorPage(
        `The app's sign-in request is not valid, so nothing was done: ${error.message}. Go back to the app and connect again.`,
        400,
      )
    }
    return redirectToClient(proven, keys, { error: error.code, error_description: error.message })
  }
}

/** Checks everything else about a request; returns the scope it asks for. Throws OAuthError. */
function requireValid({ parameters }: AuthorizationRequest, { keys }: AuthorizeContext): Scope {
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

function askConsent(
  { client, redirectUri, parameters }: AuthorizationRequest,
  scope: Scope,
  { issuer }: SigningKeys,
  problem?: 'wrong' | 'limited',
): Response {
  const relay = new URL(issuer).host
  return consentPage({ relay, client, redirectUri, scope, parameters, problem })
}

/** Sends the person back to the client, RFC 6749 sections 4.1.2 and 4.1.2.1, with `iss`, RFC 9207. */
function redirectToClient(
  { redirectUri, state }: AuthorizationRequest,
  { issuer }: SigningKeys,
  result: Record<string, string>,
): Response {
  const parameters = new URLSearchParams(result)
  if (state !== undefined) parameters.set('state', state)
  parameters.set('iss', issuer)
  // Appended to the text as it was presented, which parsing might spell differently.
  return redirect(`${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${parameters}`)
}
