/** `POST /mcp`: who may use it, and the services that its methods have. */
import {
  admit,
  type RequestContext,
  refuseIncomplete,
  refuseScope,
  refuseToken,
} from './admission.ts'
import type { Assets } from './assets.ts'
import { deliver } from './events/sender.ts'
import { handleMcp } from './mcp/endpoint.ts'
import type { Site } from './oauth/issuer.ts'

/** Answers a request to the MCP endpoint. */
export async function serveMcp(
  request: Request,
  url: URL,
  site: Site | undefined,
  context: RequestContext,
): Promise<Response> {
  const { settings, openDatabase, assets, log, afterwards } = context
  if (!settings.ok || !site) return refuseIncomplete(context)
  const { config } = settings
  const auth = await admit(request, url, config, site, log)
  if (auth instanceof Response) return auth
  const origin = site.issuer
  const { limiters, receivers } = context
  const sender = { db: openDatabase(), config, receivers, origin, occasion: 'request' as const }
  let isDue = false
  const onDue = () => {
    if (!isDue) afterwards(() => deliver(sender, db.requestCount))
    isDue = true
  }
  const db = openDatabase().for(auth, onDue)
  return handleMcp(request, {
    log,
    refuseScope: () => refuseScope(site, url),
    refuseToken: () => refuseToken(site, url, log),
    services: {
      db,
      caller: auth,
      app: config.app && assets ? () => readApp(url, site, assets) : undefined,
      readAsset: assets && ((path) => readAsset(path, url, assets)),
      origin,
      notifyFor: config.notifyUrl === undefined ? undefined : config.notifyFor,
      events: {
        config,
        receivers,
        countVerification: async () =>
          (await limiters.verifications?.limit({ key: `gid:${auth.gid}` }))?.success !== false,
      },
    },
  })
}

async function readAsset(path: string, { origin }: URL, assets: Assets) {
  const file = await assets.fetch(`${origin}/${path}`)
  return file.ok ? file.text() : undefined
}

/** The view for chats, which links to the board of this relay. */
async function readApp({ origin }: URL, { issuer }: Site, assets: Assets): Promise<string> {
  const file = await assets.fetch(`${origin}/app/board.html`)
  if (!file.ok) throw new Error(`The view for chats is not among the assets: ${file.status}`)
  return (await file.text()).replace('{{board}}', `${issuer}/board/`)
}
