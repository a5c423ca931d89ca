/**
 * The token endpoint: authorization_code and refresh_token grants. OAuth 2.1 sections 4.1.3 and 4.3.
 * Every refresh issues a new pair and leaves the old refresh token valid: clients refresh in parallel,
 * and the second request must not be locked out. The database is asked once, whether the grant is good.
 */
import { BODY_SENTENCES, BODY_STATUSES, json, readBody } from '../http.ts'
import { allows, parseScope, type Scope } from '../scopes.ts'
import { isKnownClient } from './clients.ts'
import { OAuthError } from './errors.ts'
import {
  type Claims,
  createTokenId,
  gidOf,
  hashClientId,
  LIFETIMES,
  type SigningKeys,
  sign,
  verify,
} from './jwt.ts'
import { MAX_FORM_BYTES, parseParameters, requireSingle } from './parameters.ts'
import { provesChallenge } from './pkce.ts'
import { requireResource } from './resource-indicator.ts'

/** A grant as the database keeps it. */
export interface KeptGrant {
  gid: string
  kind: 'oauth'
  /** The name of the client. */
  client: string
  client_hash: string
  scope: Scope
}

/** The context of the endpoint, in addition to the request. */
export interface TokenContext {
  keys: SigningKeys
  /** The one person whose relay this is. */
  userId: string
  now: number
  /**
   * Keeps a new grant, or uses one that is kept; false if it was opened before, or was cut off. Throws
   * OAuthError with the database away.
   */
  useGrant(grant: KeptGrant, isNew: boolean): Promise<boolean>
}

/** Answers a token request. Throws OAuthError. */
export async function token(request: Request, context: TokenContext): Promise<Response> {
  const { keys, now } = context
  const parameters = await readForm(request)
  const clientId = readClientId(request, parameters)
  // Before the grant: invalid_client makes a client register again, and invalid_grant does not.
  if (!(await isKnownClient(clientId, keys, now))) {
    throw new OAuthError('invalid_client', 'The client is unknown: register it again')
  }
  const grantRequest = { ...context, parameters, clientHash: await hashClientId(clientId) }
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
interface GrantRequest extends TokenContext {
  parameters: URLSearchParams
  clientHash: string
}

async function exchange(request: GrantRequest): Promise<Response> {
  const { parameters, clientHash, keys, userId, now, useGrant } = request
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
  const grant = { ...code, gid: code.jti }
  // Last: a wrong verifier must not use up someone else's code.
  if (!(await useGrant(kept(grant), true))) {
    throw new OAuthError('invalid_grant', 'The code has already been used')
  }
  return issue(grant, code.scope, keys, now)
}

async function refresh(request: GrantRequest): Promise<Response> {
  const { parameters, clientHash, keys, userId, now, useGrant } = request
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
  const grant = { ...old, gid: gidOf(old) as string }
  if (!(await useGrant(kept(grant), false))) {
    throw new OAuthError('invalid_grant', 'The connection was cut off')
  }
  return issue(grant, scope, keys, now)
}

type Grant = Claims<'refresh'> & { gid: string }

function kept({ gid, name, client, scope }: Grant): KeptGrant {
  return { gid, kind: 'oauth', client: name, client_hash: client, scope }
}

/** Issues a pair: the refresh token carries the whole grant, the access token the scope asked for. */
async function issue(
  { sub, gid, client, name, scope: granted }: Grant,
  scope: Scope,
  keys: SigningKeys,
  now: number,
): Promise<Response> {
  const access = { sub, gid, name, scope, jti: createTokenId() }
  const refresh = { sub, gid, client, name, scope: granted }
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
