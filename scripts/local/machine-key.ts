/**
 * The key for the clients of this machine, which npm start prints in the lines to paste: made once, and kept
 * next to the settings. The relay's own key stays for signing in and for the commands.
 */
import { hostname } from 'node:os'
import { verify } from '../../src/oauth/jwt.ts'
import { changeKept, findKept } from '../lib/data-directory.ts'
import { type Connection, callManage } from '../lib/manage.ts'
import type { Settings } from '../lib/settings.ts'

/**
 * Returns the kept key, or makes one if there is none, if a rotation ended it, or if it was cut off. Throws
 * UserError if the relay does not answer.
 */
export async function readMachineKey(origin: string, settings: Settings): Promise<string> {
  const { apiKey, dataDirectory } = settings
  const relay = { url: new URL(origin), key: apiKey }
  const kept = findKept(dataDirectory)?.RELAY_KEY
  if (kept !== undefined && (await isGood(kept, relay))) return kept
  const { key } = await callManage<{ key: string }>(relay, 'make_key', {
    name: hostname() || 'this machine',
  })
  changeKept(dataDirectory, { RELAY_KEY: key })
  return key
}

async function isGood(key: string, relay: { url: URL; key: string }): Promise<boolean> {
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
