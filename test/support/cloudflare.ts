/**
 * startCloudflare(): a stand-in for the parts of Cloudflare's API that `wrangler whoami`, `deploy` and
 * `secret` use (wrangler reads CLOUDFLARE_API_BASE_URL). Stores uploads and secrets, and runs each deployed
 * Worker from them in workerd, with the static assets of this run. It cannot show routes, quotas, or how long a secret takes to
 * propagate.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { buffer, json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'
import { type Bundle, parseUpload } from '../../scripts/local/workerd/bundle.ts'
import { startWorker, type Worker } from '../../scripts/local/workerd/worker.ts'
import { listen } from './server.ts'

/** The stand-in for wrangler. */
export const WRANGLER = fileURLToPath(new URL('wrangler.ts', import.meta.url))

export const ACCOUNT = 'a'.repeat(32)
const TOKEN = 'a-token-of-these-tests'

interface Script {
  bundle: Bundle
  secrets: Record<string, string>
  crons: string[]
  /** Its addresses on workers.dev, as last set. */
  subdomain: { enabled: boolean; previews_enabled: boolean }
  running: Worker | undefined
  /** Earlier versions, with the secrets they had, by the start of their ids. */
  versions: Map<string, Worker>
}

type Upload = Awaited<ReturnType<typeof parseUpload>>

const createError = (status: number, code: number, message: string) =>
  Object.assign(new Error(message), { status, code })

export type Cloudflare = Awaited<ReturnType<typeof startCloudflare>>

/** `replace` has addresses in a Worker's secrets that cannot be reached from here, with others. */
export async function startCloudflare(replace: Record<string, string> = {}) {
  const scripts = new Map<string, Script>()
  const requests: string[] = []
  let failing: { endpoint: string; code: number } | undefined
  let held: string | undefined

  function find(name: string): Script {
    const script = scripts.get(name)
    if (!script) throw createError(404, 10007, 'This Worker does not exist on your account.')
    return script
  }

  async function run(script: Script): Promise<void> {
    if (script.running) script.versions.set(hexId().slice(0, 8), script.running)
    const bindings = Object.entries(script.secrets).map(([name, value]) => [
      name,
      replace[value] ?? value,
    ])
    script.running = await startWorker({
      bundle: script.bundle,
      bindings: Object.fromEntries(bindings),
      trustsConnectingIp: true,
      protocolHeader: 'x-forwarded-proto',
      onLine: () => {},
    })
  }

  async function upload(name: string, request: IncomingMessage): Promise<void> {
    const bundle = await readUpload(request)
    const before = scripts.get(name)
    const given = bundle.bindings.filter(({ type }) => type === 'secret_text')
    const inherited = bundle.bindings.filter(({ type }) => type === 'inherit')
    const missing = inherited.find((binding) => before?.secrets[binding.name] === undefined)
    if (missing) throw createError(400, 10057, `inherit binding '${missing.name}' is invalid`)
    const secrets = {
      ...before?.secrets,
      ...Object.fromEntries(given.map((binding) => [binding.name, binding.text as string])),
    }
    await install(name, bundle, secrets)
  }

  /** Runs a new version of a Worker, which keeps the rest of its state. */
  async function install(name: string, bundle: Bundle, secrets: Record<string, string>) {
    const script: Script = {
      crons: [],
      // Cloudflare's default for a new Worker.
      subdomain: { enabled: true, previews_enabled: true },
      running: undefined,
      versions: new Map(),
      ...scripts.get(name),
      bundle,
      secrets,
    }
    scripts.set(name, script)
    await run(script)
  }

  async function answer(request: IncomingMessage): Promise<unknown> {
    const url = new URL(request.url as string, 'http://localhost')
    const path = url.pathname.replace('/client/v4', '')
    const call = `${request.method} ${path}`
    requests.push(call)
    if (request.headers.authorization !== `Bearer ${TOKEN}`) {
      throw createError(401, 10000, 'Authentication error')
    }
    const account = { id: ACCOUNT, name: "A person's account" }
    switch (call) {
      case 'GET /user/tokens/verify':
        return { id: 'token', status: 'active' }
      case 'GET /user':
        return { email: 'person@example.com' }
      case 'GET /accounts':
        return [account]
      case 'GET /memberships':
        return [{ id: 'membership', account }]
    }
    const [, owner, rest = ''] = /^\/accounts\/([^/]+)\/workers\/(.*)$/.exec(path) ?? []
    if (owner !== ACCOUNT) throw createError(404, 7000, `No route for ${call}`)
    const [kind, name = '', part] = rest.split('/')
    const endpoint = [request.method, kind, part].filter(Boolean).join(' ')
    if (endpoint === held) await new Promise(() => {})
    if (endpoint === failing?.endpoint) throw createError(400, failing.code, 'As the test wants')
    switch (endpoint) {
      case 'GET subdomain':
        return { subdomain: 'person' }
      case 'GET services':
        find(name)
        return {
          default_environment: {
            environment: 'production',
            script: { tag: 'tag', tags: [], last_deployed_from: 'wrangler' },
          },
        }
      case 'DELETE services':
        await find(name).running?.stop()
        scripts.delete(name)
        return null
      case 'GET workers':
        find(name)
        return { subdomain: { enabled: true, url: `https://${name}.person.workers.dev` } }
      case 'POST scripts assets-upload-session':
        // All are there already: each Worker runs with the assets of this run.
        return { jwt: 'assets', buckets: [] }
      case 'PUT scripts':
        await upload(name, request)
        return { id: name, etag: 'etag', startup_time_ms: 1, deployment_id: hexId() }
      case 'POST scripts versions':
        await upload(name, request)
        return { id: randomUUID(), startup_time_ms: 1, resources: { script: { etag: 'etag' } } }
      case 'GET scripts deployments':
        find(name)
        return { deployments: [] }
      case 'POST scripts deployments':
        return { id: randomUUID() }
      case 'PATCH scripts script-settings':
        return {}
      case 'GET scripts subdomain':
        return find(name).subdomain
      case 'POST scripts subdomain': {
        const { enabled, previews_enabled = enabled } = (await json(request)) as Script['subdomain']
        find(name).subdomain = { enabled, previews_enabled }
        return find(name).subdomain
      }
      case 'PUT scripts schedules':
        find(name).crons = ((await json(request)) as { cron: string }[]).map(({ cron }) => cron)
        return {}
      case 'GET scripts schedules':
        return { schedules: find(name).crons.map((cron) => ({ cron })) }
      case 'GET scripts secrets':
        return Object.keys(find(name).secrets).map((each) => ({ name: each, type: 'secret_text' }))
      case 'PATCH scripts secrets-bulk': {
        const { secrets } = (await json(request)) as {
          secrets: Record<string, { text: string } | null>
        }
        const script = find(name)
        for (const [each, secret] of Object.entries(secrets)) {
          if (secret) script.secrets[each] = secret.text
          else delete script.secrets[each]
        }
        await run(script)
        return {}
      }
      default:
        throw createError(404, 7000, `No route for ${call}`)
    }
  }

  const server = await listen((request, response) => {
    const send = (status: number, body: object) => {
      request.resume()
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    answer(request).then(
      (result) => {
        const count = Array.isArray(result) ? result.length : 0
        const result_info = { page: 1, per_page: 50, count, total_count: count, total_pages: 1 }
        send(200, { success: true, errors: [], messages: [], result, result_info })
      },
      (error: Partial<ReturnType<typeof createError>>) => {
        const { status = 500, code = 0, message } = error
        send(status, { success: false, errors: [{ code, message }], messages: [], result: null })
      },
    )
  })

  return {
    /** The environment in which wrangler uses this stand-in, logged in. */
    environment: {
      CLOUDFLARE_API_BASE_URL: `${server.url}/client/v4`,
      CLOUDFLARE_API_TOKEN: TOKEN,
    },
    scripts,
    /** Methods and paths of all requests, in order. */
    requests,
    /** The local URL for the host name of a Worker, or of an earlier version with a public URL. */
    find(host: string): string | undefined {
      const [, name = ''] = /^(.+)\.person\.workers\.dev$/.exec(host) ?? []
      const [, version = '', worker = ''] = /^([0-9a-f]{8})-(.+)$/.exec(name) ?? []
      const earlier = scripts.get(worker)
      if (earlier?.subdomain.previews_enabled) return earlier.versions.get(version)?.url
      return scripts.get(name)?.running?.url
    },
    /** Makes an endpoint, such as `PUT scripts`, fail with this code; without one, no endpoint. */
    fail(endpoint?: string, code = 10013): void {
      failing = endpoint ? { endpoint, code } : undefined
    },
    /** Lets an endpoint never answer, until the next call. */
    hold(endpoint?: string): void {
      held = endpoint
    },
    /** Installs a Worker, as if it had been deployed before. */
    install,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      const all = [...scripts.values()]
      const workers = all.flatMap(({ running, versions }) => [running, ...versions.values()])
      await Promise.all(workers.map((worker) => worker?.stop()))
    },
  }
}

/** The upload of wrangler, or of its stand-in (wrangler.ts), whose uploads have the bundle of this run. */
async function readUpload(request: IncomingMessage): Promise<Upload> {
  if (request.headers['content-type'] !== 'application/json') {
    return parseUpload(await buffer(request))
  }
  const { bindings } = (await json(request)) as Pick<Upload, 'bindings'>
  return { ...inject('bundle'), bindings, assets: undefined }
}

const hexId = () => randomUUID().replaceAll('-', '')
