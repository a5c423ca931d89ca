/**
 * The token endpoint: authorization_code and refresh_token grants. OAuth 2.1 sections 4.1.3 and 4.3.
 * Every refresh issues a new pair and leaves the old refresh token valid: clients refresh in parallel,
 * and the second request must not be locked out.
 */
import { BODY_SENTENCES, BODY_STATUSES, json, readBody } from '../http.ts'
import { allows, parseScope, type Scope } from '../scopes.ts'
import { isKnownClient } from './clients.ts'
import { OAuthError } from './errors.ts'
import {
  type Claims,
  createTokenId,
  hashClientId,
  LIFETIMES,
  type SigningKeys,
  sign,
  verify,
} from './jwt.ts'
import { MAX_FORM_BYTES, parseParameters, requireSingle } from './parameters.ts'
import { provesChallenge } from './pkce.ts'
import { redeem } from './redeemed.ts'
import { requireResource } from './resource-indicator.ts'

/** Answers a token request, for the one person whose relay this is. Throws OAuthError. */
export async function token(
  request: Request,
  keys: SigningKeys,
  userId: string,
  now: number,
): Promise<Response> {
  const parameters = await readForm(request)
  const clientId = readClientId(request, parameters)
  // Before the grant: invalid_client makes a client register again, and invalid_grant does not.
  if (!(await isKnownClient(clientId, keys, now))) {
    throw new OAuthError('invalid_client', 'The client is unknown: register it again')
  }
  const grantRequest = { parameters, clientHash: await hashClientId(clientId), keys, userId, now }
  switch (parameters.get('grant_type')) {
    case 'authorization_code':
      return exchange(grantRequest)
    case 'refresh_token':
      return refresh(grantRequest)
    case null:
      throw new OAuthError('invalid_request', 'grant_type is missing')
    default:
      throw new OAuthError(
        'unsupported_grant_type',
        'grant_type must be authorization_code or refresh_token',
      )
  }
}

/**
 * The client id, in the form or as the user name of HTTP Basic (RFC 6749 section 2.3.1), where some
 * clients send nothing else. Clients are public, so a secret sent with it proves nothing and is ignored.
 */
function readClientId(request: Request, parameters: URLSearchParams): string {
  const sent = parameters.get('client_id')
  const [, credentials] = /^Basic +(\S+)$/i.exec(request.headers.get('authorization') ?? '') ?? []
  if (sent !== null || credentials === undefined) return sent ?? ''
  try {
    // The last colon: an id that is a URL has one of its own, and not everyone encodes it.
    return decodeURIComponent(atob(credentials).replace(/:[^:]*$/, ''))
  } catch {
    return ''
  }
}

/** A request of a known client. */
interface GrantRequest {
  parameters: URLSearchParams
  clientHash: string
  keys: SigningKeys
  userId: string
  now: number
}

async function exchange(request: GrantRequest): Promise<Response> {
  const { parameters, clientHash, keys, userId, now } = request
  const code = await verify('code', parameters.get('code') ?? '', keys, now)
  const redirectUri = parameters.get('redirect_uri')
  if (
    !code ||
    code.sub !== userId ||
    code.client !== clientHash ||
    (redirectUri !== null && redirectUri !== code.redirect_uri) ||
    !(await provesChallenge(parameters.get('code_verifier') ?? '', code.code_challenge))
  ) {
    throw new OAuthError('invalid_grant', 'The code, its client, redirect_uri or verifier is wrong')
  }
  requireResource(parameters, keys.issuer)
  // Last, with nothing awaited after it: a wrong verifier must not use up someone else's code.
  if (!redeem(code.jti, LIFETIMES.code, now)) {
    throw new OAuthError('invalid_grant', 'The code has already been used')
  }
  return issue(code, code.scope, keys, now)
}

async function refresh(request: GrantRequest): Promise<Response> {
  const { parameters, clientHash, keys, userId, now } = request
  const old = await verify('refresh', parameters.get('refresh_token') ?? '', keys, now)
  if (old?.sub !== userId || old.client !== clientHash) {
    throw new OAuthError('invalid_grant', 'The refresh token is not valid')
  }
  requireResource(parameters, keys.issuer)
  // RFC 6749 section 6: it may ask for less than was granted, but not for more, and its scope
  // narrows the access token only. The new refresh token keeps the whole grant.
  const scope = parseScope(parameters.get('scope')) ?? old.scope
  if (!allows(old.scope, scope)) {
    throw new OAuthError('invalid_scope', 'The scope is more than was granted')
  }
  return issue(old, scope, keys, now)
}

type Grant = Pick<Claims<'refresh'>, 'sub' | 'client' | 'name' | 'scope'>

/** Issues a pair: the refresh token carries the whole grant, the access token the scope asked for. */
async function issue(
  { sub, client, name, scope: granted }: Grant,
  scope: Scope,
  keys: SigningKeys,
  now: number,
): Promise<Response> {
  const grant = { sub, client, name }
  const access = { ...grant, scope, jti: createTokenId() }
  const refresh = { ...grant, scope: granted, jti: createTokenId() }
  return json(
    {
      access_token: await sign('access', access, keys, now),
      token_type: 'Bearer',
      expires_in: LIFETIMES.access,
      refresh_token: await sign('refresh', refresh, keys, now),
      scope,
    },
    200,
    { 'cache-control': 'no-store' },
  )
}

async function readForm(request: Request): Promise<URLSearchParams> {
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(type)) {
    throw new OAuthError('invalid_request', 'The body must be application/x-www-form-urlencoded')
  }
  const body = await readBody(request, MAX_FORM_BYTES)
  if (!body.ok) {
    throw new OAuthError('invalid_request', BODY_SENTENCES[body.fault], BODY_STATUSES[body.fault])
  }
  const parameters = parseParameters(body.text)
  if (!parameters) throw new OAuthError('invalid_request', 'There are too many parameters')
  requireSingle(parameters)
  return parameters
}
