/**
 * `POST /manage`: what the person does with the relay, from the board or with the relay's own key. JSON in
 * and out: `{"action": …}` with its arguments. Each action is one call of the SQL function relay_manage,
 * which also decides whether the caller may manage; its log line has no more than the action's name.
 */
import {
  admit,
  type RequestContext,
  refuseIncomplete,
  refuseScope,
  refuseToken,
} from './admission.ts'
import { RelayError, type RelayErrorCode, RevokedError } from './errors.ts'
import { BODY_SENTENCES, BODY_STATUSES, isJson, json, readBody } from './http.ts'
import { countFor } from './limits.ts'
import type { Action } from './manage/action.ts'
import { CONNECTION_ACTIONS } from './manage/connections.ts'
import { DEVICE_ACTIONS } from './manage/devices.ts'
import { THREAD_ACTIONS } from './manage/threads.ts'
import { isObject } from './mcp/jsonrpc.ts'
import { boardClientHash } from './oauth/board-client.ts'
import type { Site } from './oauth/issuer.ts'
import { quote } from './similar.ts'
import { parseArguments } from './tools/arguments.ts'

/** Bytes of a body: many times those of any action. */
const MAX_BODY_BYTES = 16_384

const ACTIONS: Record<string, Action> = {
  ...CONNECTION_ACTIONS,
  ...DEVICE_ACTIONS,
  ...THREAD_ACTIONS,
}

/** The status of a refusal; 400 for any other. */
const STATUSES: Partial<Record<RelayErrorCode, number>> = {
  connection_not_found: 404,
  may_not_manage: 403,
  reader_not_found: 404,
  seq_not_found: 404,
  target_not_found: 404,
  thread_not_found: 404,
  too_many_guesses: 429,
  wrong_key: 403,
}

/** Answers a request to /manage. */
export async function serveManage(
  request: Request,
  url: URL,
  site: Site | undefined,
  context: RequestContext,
): Promise<Response> {
  const { settings, openDatabase, limiters, log } = context
  if (!settings.ok || !site) return refuseIncomplete(context)
  if (!isOwnPage(request, url, site)) {
    return answer({ error: 'forbidden', message: 'Pages of this origin may not call it.' }, 403)
  }
  if (request.method !== 'POST') {
    const message = 'POST an action here.'
    return json({ error: 'method_not_allowed', message }, 405, { allow: 'POST' })
  }
  const { config } = settings
  const auth = await admit(request, url, config, site, log)
  if (auth instanceof Response) return auth
  if (auth.scope !== 'mcp') return refuseScope(site, url)
  const body = await readBody(request, MAX_BODY_BYTES)
  if (!body.ok) {
    const message = `${BODY_SENTENCES[body.fault]}.`
    return answer({ error: 'bad_request', message }, BODY_STATUSES[body.fault])
  }
  try {
    const { action, ...sent } = readObject(request, body.text)
    const definition = findAction(action)
    log.add({ action: action as string })
    const caller = { ...auth, board: await boardClientHash(site.issuer) }
    const result = await definition.handler(readArguments(definition, sent), {
      caller: auth,
      config,
      origin: site.issuer,
      now: Date.now(),
      run: (args, other = action) =>
        openDatabase().call('relay_manage', { action: other, args, caller }),
      countGuess: () => countFor(request, limiters.guesses),
    })
    return answer(result)
  } catch (error) {
    if (error instanceof RevokedError) return refuseToken(site, url, log)
    if (!(error instanceof RelayError)) throw error
    log.addError(error)
    const status = error.outcome === 'failed' ? 503 : (STATUSES[error.code] ?? 400)
    return answer({ error: error.code, message: error.message }, status)
  }
}

/**
 * Whether a request comes from a program, or from a page of the relay itself. Other origins that may call
 * /mcp may not call this.
 */
function isOwnPage({ headers }: Request, url: URL, { issuer }: Site): boolean {
  const origin = headers.get('origin')
  return origin === null || origin === issuer || URL.parse(origin)?.host === url.host
}

function answer(body: object, status = 200): Response {
  return json(body, status, { 'cache-control': 'no-store' })
}

/** The body as an object. Throws RelayError. */
function readObject(request: Request, text: string): Record<string, unknown> {
  if (!isJson(request)) throw invalid('The Content-Type must be application/json.')
  try {
    const parsed: unknown = JSON.parse(text)
    if (isObject(parsed)) return parsed
  } catch {}
  throw invalid('The body must be a JSON object, such as {"action": "list_connections"}.')
}

/** Throws RelayError. */
function findAction(action: unknown): Action {
  const known = typeof action === 'string' && Object.hasOwn(ACTIONS, action) && ACTIONS[action]
  if (known) return known
  throw invalid(`action must be one of ${Object.keys(ACTIONS).join(', ')}.`)
}

/** Unlike a tool, an action refuses every argument that it does not know. Throws RelayError. */
function readArguments({ inputSchema }: Action, sent: Record<string, unknown>) {
  const { args, ignored } = parseArguments(inputSchema, sent)
  const [unknown] = ignored
  if (unknown === undefined) return args
  throw invalid(`${quote(unknown.slice(0, 100))} is not an argument of this action.`)
}

function invalid(message: string): RelayError {
  return new RelayError('invalid_arguments', message)
}
