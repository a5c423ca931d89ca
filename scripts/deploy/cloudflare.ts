/** What set-up and rotation have wrangler do at Cloudflare, and what its answers mean. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../lib/user-error.ts'
import { runWrangler, type WranglerResult } from '../lib/wrangler.ts'

export interface Account {
  id: string
  name: string
}

export interface Login {
  /** What a token may not tell is left out. */
  email?: string
  accounts: Account[]
}

/** One Worker of one account. */
export interface Target {
  account: string
  worker: string
}

/** Who is logged in; undefined without a login. */
export async function readLogin(): Promise<Login | undefined> {
  const { ok, stdout, said } = await runWrangler(['whoami', '--json'])
  const login = parse(stdout)
  if (login?.loggedIn === false) return undefined
  if (!ok || !login) throw new UserError(`Cloudflare could not say who is logged in:\n${said}`)
  return login
}

// biome-ignore lint/suspicious/noExplicitAny: read field by field by the caller that knows what was asked.
function parse(json: string): any {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** Names of the Worker's secrets; undefined if there is no such Worker. */
export async function secretNames(target: Target): Promise<string[] | undefined> {
  const { account, worker } = target
  const listed = await runWrangler(['secret', 'list', '--name', worker], environment(account))
  if (listed.ok) return parse(listed.stdout).map(({ name }: { name: string }) => name)
  if (listed.said.includes(`Worker "${worker}" not found`)) return undefined
  throw failure('did not list the secrets of the Worker', listed)
}

/**
 * Uploads the Worker and its secrets as one version, so that there is no moment with only some of
 * them, and other secrets stay. Returns the host names it is reached by.
 */
export async function deploy(target: Target, secrets: Record<string, string>): Promise<string[]> {
  const { account, worker } = target
  // wrangler takes secrets for a deployment from a file only.
  const folder = mkdtempSync(join(tmpdir(), 'relay-deploy-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  try {
    const file = join(folder, 'secrets.json')
    writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 })
    const output = join(folder, 'output.ndjson')
    const deployed = await runWrangler(['deploy', '--name', worker, '--secrets-file', file], {
      env: { ...environment(account).env, WRANGLER_OUTPUT_FILE_PATH: output },
    })
    const [onboarding] = /https:\S+\/workers\/onboarding/.exec(deployed.said) ?? []
    if (onboarding) {
      throw new UserError(
        `Your account has no name on workers.dev yet: choose one at ${onboarding}.`,
      )
    }
    if (!deployed.ok) throw failure('did not take the Worker', deployed)
    const lines = readFileSync(output, 'utf8').trim().split('\n').map(parse)
    const { targets } = lines.find(({ type }) => type === 'deploy')
    return targets.map(hostOf).filter(Boolean)
  } finally {
    remove()
    process.off('exit', remove)
  }
}

/** `relay.example.com (custom domain)`, or an address: what comes first is the host. */
function hostOf(target: string): string | undefined {
  return /^(?:https:\/\/)?([a-z0-9.-]+\.[a-z]+)/i.exec(target)?.[1]
}

/** Sets secrets, and deletes those that are null, all in one request. */
export async function putSecrets(
  { account, worker }: Target,
  secrets: Record<string, string | null>,
): Promise<void> {
  const put = await runWrangler(['secret', 'bulk', '--name', worker], {
    ...environment(account),
    input: JSON.stringify(secrets),
  })
  if (!put.ok) throw failure('did not take the secrets', put)
}

/** Whether every earlier version of the Worker has a public URL of its own, with its own secrets. */
export async function hasPreviewUrls(target: Target): Promise<boolean> {
  return (await subdomain(target)).previews_enabled === true
}

/** Takes the public URLs away from all versions; the Worker's own address stays as it is. */
export async function disablePreviewUrls(target: Target): Promise<void> {
  const { enabled } = await subdomain(target)
  await subdomain(target, { enabled, previews_enabled: false })
}

/** Reads or writes how a Worker is reached on workers.dev, which wrangler has no command for. */
async function subdomain({ account, worker }: Target, change?: object) {
  const base = process.env.CLOUDFLARE_API_BASE_URL ?? 'https://api.cloudflare.com/client/v4'
  const url = `${base}/accounts/${account}/workers/scripts/${worker}/subdomain`
  const response = await fetch(url, {
    method: change ? 'POST' : 'GET',
    headers: { ...(await credentials(account)), 'content-type': 'application/json' },
    body: change ? JSON.stringify(change) : null,
    redirect: 'manual',
    signal: AbortSignal.timeout(TIME_LIMIT_MS),
  }).catch((error: Error) => error)
  if (response instanceof Error) {
    throw new UserError(`Cloudflare can't be reached: ${response.message}.`)
  }
  const answer = parse(await response.text())
  if (response.ok && answer?.success) return answer.result as Subdomain
  const said = answer?.errors?.[0]?.message ?? `status ${response.status}`
  throw new UserError(`Cloudflare did not tell or set the preview URLs of ${worker}: ${said}.`)
}

interface Subdomain {
  enabled: boolean
  previews_enabled?: boolean
}

const TIME_LIMIT_MS = 15_000

let headers: Promise<Record<string, string>> | undefined

/** wrangler's own login, as headers of a request; asked for once. */
function credentials(account: string): Promise<Record<string, string>> {
  headers ??= readCredentials(account)
  return headers
}

async function readCredentials(account: string): Promise<Record<string, string>> {
  const { ok, stdout, said } = await runWrangler(['auth', 'token', '--json'], environment(account))
  const login = parse(stdout)
  if (!ok || !login) throw new UserError(`wrangler gives no token to ask Cloudflare with:\n${said}`)
  return login.type === 'api_key'
    ? { 'x-auth-key': login.key, 'x-auth-email': login.email }
    : { authorization: `Bearer ${login.token}` }
}

const environment = (account: string) => ({ env: { CLOUDFLARE_ACCOUNT_ID: account } })

function failure(what: string, { said }: WranglerResult): UserError {
  return new UserError(`Cloudflare ${what}. wrangler says:\n\n${said}`)
}
