/** The OAuth endpoints by path: their methods, their errors as JSON, and which origins may call them. */
import { allowOrigin, json, preflight } from '../http.ts'
import { LIMIT_PERIOD } from '../limits.ts'
import { type AuthorizeContext, decide, showConsent } from './authorize.ts'
import { OAuthError } from './errors.ts'
import { metadataPath } from './issuer.ts'
import { authorizationServerMetadata, protectedResourceMetadata } from './metadata.ts'
import { register } from './register.ts'
import { type TokenContext, token } from './token.ts'

/** The context of the endpoints, in addition to the request; each reads the clock. */
export type OAuthContext = Omit<AuthorizeContext, 'now'> & Pick<TokenContext, 'useGrant'>

/** Seconds after which a client may try again while the database is away. */
const RETRY_SECONDS = 10

type Endpoint = (request: Request, context: OAuthContext) => Promise<Response> | Response

interface Route {
  methods: Record<string, Endpoint>
  /** Pages of any origin may call it: it acts only on data that the caller already has. */
  isOpen: boolean
}

const metadata = (document: (issuer: string) => object): Route => ({
  methods: { GET: (_, { keys }) => json(document(keys.issuer)) },
  isOpen: true,
})

const ROUTES = new Map<string, Route>([
  ...['/mcp', '/mcp/', ''].map((path): [string, Route] => [
    metadataPath(path),
    metadata((issuer) => protectedResourceMetadata(issuer + path)),
  ]),
  [`${metadataPath('')}/`, metadata(protectedResourceMetadata)],
  ['/.well-known/oauth-authorization-server', metadata(authorizationServerMetadata)],
  [
    '/register',
    {
      methods: {
        async POST(request, { keys, countRegistration }) {
          if (await countRegistration()) return register(request, keys, Date.now())
          return tooMany('Too many registrations from your address.')
        },
      },
      isOpen: true,
    },
  ],
  [
    '/authorize',
    {
      methods: {
        GET: (request, context) => showConsent(request, { ...context, now: Date.now() }),
        POST: (request, context) => decide(request, { ...context, now: Date.now() }),
      },
      isOpen: false,
    },
  ],
  [
    '/token',
    {
      methods: {
        POST: (request, { keys, config, useGrant }) =>
          token(request, { keys, userId: config.userId, now: Date.now(), useGrant }),
      },
      isOpen: true,
    },
  ],
])

/** Whether a path is an OAuth endpoint. */
export function isOAuthPath(path: string): boolean {
  return ROUTES.has(path)
}

/** Answers a request to one of the OAuth paths. */
export async function handleOAuth(
  path: string,
  request: Request,
  context: OAuthContext,
): Promise<Response> {
  const { methods, isOpen } = ROUTES.get(path) as Route
  const isPreflight = request.method === 'OPTIONS'
  const response = isPreflight ? preflight() : await callEndpoint(methods, request, context)
  return isOpen ? allowOrigin(response, '*') : response
}

async function callEndpoint(
  methods: Record<string, Endpoint>,
  request: Request,
  context: OAuthContext,
): Promise<Response> {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const endpoint = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (!endpoint) {
    const allow = Object.keys(methods).join(', ')
    return json({ error: 'method_not_allowed', message: `Only ${allow} here.` }, 405, {
      allow,
      'cache-control': 'no-store',
    })
  }
  try {
    return await endpoint(request, context)
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    context.log.add({ outcome: 'refused', error_code: error.code })
    return json({ error: error.code, error_description: error.message }, error.status, {
      'cache-control': 'no-store',
      ...(error.status === 503 && { 'retry-after': `${RETRY_SECONDS}` }),
    })
  }
}

/** RFC 6585 section 4. */
function tooMany(message: string): Response {
  return json({ error: 'too_many_requests', message }, 429, {
    'retry-after': `${LIMIT_PERIOD}`,
    'cache-control': 'no-store',
  })
}
