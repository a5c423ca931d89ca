/**
 * The key for the clients of this machine, which npm start and setup print in the lines to paste: made once,
 * and kept with the settings. The relay's own key stays for signing in and for the commands.
 */
import { hostname } from 'node:os'
import { verify } from '../../src/oauth/jwt.ts'
import { type Connection, callManage } from './manage.ts'

/** A relay, with its own key. */
export type Relay = { url: URL; key: string }

/**
 * Returns the kept key, or makes one and keeps it: if there is none, if a rotation ended it, or if it was
 * cut off. Throws UserError if the relay does not answer.
 */
export async function settleMachineKey(
  relay: Relay,
  kept: string | undefined,
  keep: (key: string) => void,
): Promise<string> {
  if (kept !== undefined && (await isGood(kept, relay))) return kept
  const name = hostname() || 'this machine'
  const { key } = await callManage<{ key: string }>(relay, 'make_key', { name })
  keep(key)
  return key
}

async function isGood(key: string, relay: Relay): Promise<boolean> {
  const keys = { current: relay.key, previous: undefined, issuer: relay.url.origin }
  const claims = await verify('key', key, keys, Date.now())
  if (!claims) return false
  const { connections } = await callManage<{ connections: Connection[] }>(
    relay,
    'list_connections',
    {},
  )
  return !connections.some(({ gid, revoked_at }) => gid === claims.gid && revoked_at !== undefined)
}
