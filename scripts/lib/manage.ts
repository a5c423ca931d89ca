/** Calls `POST /manage` of a relay with its own key. */
import { McpClient } from './mcp-client.ts'
import { UserError } from './user-error.ts'

/** A connection, as list_connections returns it. */
export interface Connection {
  gid: string
  name: string
  kind: 'oauth' | 'key'
  scope: 'mcp' | 'mcp:read'
  last_used_at?: string
  revoked_at?: string
}

/** Runs an action. Throws UserError with the relay's sentence if it is refused. */
export async function callManage<T>(
  { url, key }: { url: URL; key: string },
  action: string,
  args: object,
): Promise<T> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ action, ...args })
  const init = { method: 'POST', headers, body }
  const answer = await new McpClient(url.origin, key).fetch('/manage', init).catch((error) => {
    const { message, cause } = error as Error & { cause?: Error }
    throw new UserError(
      `The relay at ${url.origin} does not answer (${cause?.message ?? message}).`,
    )
  })
  if (answer.status === 200) return answer.body
  if (answer.status === 401) {
    throw new UserError(`The relay at ${url.origin} refuses the key that is set here.`)
  }
  const { message } = answer.body ?? {}
  // A relay that is older than the command answers with a page.
  if (typeof message !== 'string') {
    throw new UserError(
      `The relay at ${url.origin} does not know this: it returns ${answer.status}.`,
    )
  }
  throw new UserError(message)
}
