/** Runs wrangler for set-up and rotation, and interprets its answers. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'smol-toml'
import { parseJson } from '../lib/json.ts'
import { PROJECT } from '../lib/project.ts'
import { UserError } from '../lib/user-error.ts'
import { runWrangler, type WranglerResult } from '../lib/wrangler.ts'

export interface Account {
  id: string
  name: string
}

export interface Login {
  /** Missing if the token may not read it. */
  email?: string
  accounts: Account[]
}

/** One Worker of one account. */
export interface Target {
  account: string
  worker: string
}

/** Reads who is logged in; undefined if no one is logged in. */
export async function readLogin(): Promise<Login | undefined> {
  const { ok, stdout, said } = await runWrangler(['whoami', '--json'])
  const login = parseJson(stdout)
  if (login?.loggedIn === false) return undefined
  if (!ok || !login.accounts)
    throw new UserError(`Cloudflare did not say who is logged in:\n${said}`)
  return login
}

/** Lists the names of a Worker's secrets; undefined if the Worker does not exist. */
export async function listSecrets(target: Target): Promise<string[] | undefined> {
  const { account, worker } = target
  const listed = await runWrangler(['secret', 'list', '--name', worker], environment(account))
  if (listed.ok) return parseJson(listed.stdout).map(({ name }: { name: string }) => name)
  if (listed.said.includes(`Worker "${worker}" not found`)) return undefined
  throw createError('did not list the secrets of the Worker', listed)
}

export interface Deployed {
  /** The host names of the Worker. */
  hosts: string[]
  /** Whether the daily trigger of wrangler.toml is set. */
  hasTrigger: boolean
}

/**
 * Uploads the Worker and its secrets as one version, so that it never runs with only some of them.
 * Other secrets are kept. If Cloudflare refuses only the trigger, deploys without it: wrangler then fails
 * after the upload, and tells no address.
 */
export async function deploy(target: Target, secrets: Record<string, string>): Promise<Deployed> {
  try {
    return { hosts: await runDeploy([], target, secrets), hasTrigger: true }
  } catch (error) {
    if (!(error instanceof TriggerError)) throw error
    const hosts = await withoutTriggers((file) => runDeploy(['--config', file], target, secrets))
    return { hosts, hasTrigger: false }
  }
}

class TriggerError extends Error {}

/** Runs `work` with a copy of wrangler.toml without triggers, which wrangler reads only from a file. */
async function withoutTriggers<T>(work: (file: string) => Promise<T>): Promise<T> {
  // In the same folder, because the paths in it are relative.
  const file = join(PROJECT, `wrangler.changed-${process.pid}.toml`)
  const remove = () => rmSync(file, { force: true })
  process.once('exit', remove)
  try {
    const settings = parse(readFileSync(join(PROJECT, 'wrangler.toml'), 'utf8'))
    writeFileSync(file, stringify({ ...settings, triggers: {} }))
    return await work(file)
  } finally {
    remove()
    process.off('exit', remove)
  }
}

/** Deploys with options of wrangler; returns the host names of the Worker. */
async function runDeploy(
  options: string[],
  target: Target,
  secrets: Record<string, string>,
): Promise<string[]> {
  const { account, worker } = target
  // wrangler reads the secrets of a deployment only from a file.
  const folder = mkdtempSync(join(tmpdir(), 'relay-deploy-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  try {
    const file = join(folder, 'secrets.json')
    writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 })
    const output = join(folder, 'output.ndjson')
    const args = ['deploy', '--name', worker, '--secrets-file', file, ...options]
    const deployed = await runWrangler(args, {
      env: { ...environment(account).env, WRANGLER_OUTPUT_FILE_PATH: output },
    })
    const [onboarding] = /https:\S+\/workers\/onboarding/.exec(deployed.said) ?? []
    if (onboarding) {
      throw new UserError(
        `Your account has no workers.dev subdomain yet: choose one at ${onboarding}.`,
      )
    }
    // The request that failed, with the documented path of its endpoint.
    if (deployed.said.includes(`/scripts/${worker}/schedules) failed`)) throw new TriggerError()
    if (!deployed.ok) throw createError('did not accept the Worker', deployed)
    const lines = readFileSync(output, 'utf8').trim().split('\n').map(parseJson)
    const { targets } = lines.find(({ type }) => type === 'deploy')
    return targets.map(parseHost).filter(Boolean)
  } finally {
    remove()
    process.off('exit', remove)
  }
}

/** Takes `relay.example.com (custom domain)` or a URL. */
function parseHost(target: string): string | undefined {
  return /^(?:https:\/\/)?([a-z0-9.-]+\.[a-z]+)/i.exec(target)?.[1]
}

/** Sets secrets and deletes those that are null, in one request. */
export async function putSecrets(
  { account, worker }: Target,
  secrets: Record<string, string | null>,
): Promise<void> {
  const put = await runWrangler(['secret', 'bulk', '--name', worker], {
    ...environment(account),
    input: JSON.stringify(secrets),
  })
  if (!put.ok) throw createError('did not accept the secrets', put)
}

/** Deletes a Worker with its secrets and its addresses. */
export async function deleteWorker(target: Target): Promise<void> {
  const { account, worker } = target
  const deleted = await runWrangler(['delete', worker, '--force'], environment(account))
  // wrangler then looks for namespaces of old static sites, which a token for Workers only may not list.
  if (deleted.ok || (await listSecrets(target)) === undefined) return
  throw createError('did not delete the Worker', deleted)
}

/** Whether every earlier version of the Worker has its own public URL, with its own secrets. */
export async function hasPreviewUrls(target: Target): Promise<boolean> {
  return (await requestSubdomain(target)).previews_enabled === true
}

/** Disables the public URLs of all versions. The Worker's own address does not change. */
export async function disablePreviewUrls(target: Target): Promise<void> {
  const { enabled } = await requestSubdomain(target)
  await requestSubdomain(target, { enabled, previews_enabled: false })
}

function requestSubdomain(target: Target, change?: object): Promise<Subdomain> {
  return request(target, 'subdomain', 'the preview URLs', change)
}

/** Whether a cron trigger runs the Worker's daily query. */
export async function hasTrigger(target: Target): Promise<boolean> {
  const { schedules } = await request<{ schedules: unknown[] }>(target, 'schedules', 'the triggers')
  return schedules.length > 0
}

/** Reads or changes what wrangler has no command for. `what` names it in a sentence. */
async function request<T>(
  { account, worker }: Target,
  endpoint: string,
  what: string,
  change?: object,
): Promise<T> {
  const base = process.env.CLOUDFLARE_API_BASE_URL ?? 'https://api.cloudflare.com/client/v4'
  const url = `${base}/accounts/${account}/workers/scripts/${worker}/${endpoint}`
  const response = await fetch(url, {
    method: change ? 'POST' : 'GET',
    headers: { ...(await getCredentials(account)), 'content-type': 'application/json' },
    body: change ? JSON.stringify(change) : null,
    redirect: 'manual',
    signal: AbortSignal.timeout(TIME_LIMIT_MS),
  }).catch((error: Error) => error)
  if (response instanceof Error) {
    throw new UserError(`Cloudflare cannot be reached: ${response.message}.`)
  }
  const answer = parseJson(await response.text())
  if (response.ok && answer?.success) return answer.result
  const said = answer?.errors?.[0]?.message ?? `status ${response.status}`
  throw new UserError(`Cloudflare refused to read or change ${what} of ${worker}: ${said}.`)
}

interface Subdomain {
  enabled: boolean
  previews_enabled?: boolean
}

const TIME_LIMIT_MS = 15_000

let headers: Promise<Record<string, string>> | undefined

/** Returns wrangler's own login as request headers; reads it once. */
function getCredentials(account: string): Promise<Record<string, string>> {
  headers ??= readCredentials(account)
  return headers
}

async function readCredentials(account: string): Promise<Record<string, string>> {
  const { ok, stdout, said } = await runWrangler(['auth', 'token', '--json'], environment(account))
  const login = parseJson(stdout)
  if (!ok || !login.type) throw new UserError(`wrangler has no token for Cloudflare:\n${said}`)
  return login.type === 'api_key'
    ? { 'x-auth-key': login.key, 'x-auth-email': login.email }
    : { authorization: `Bearer ${login.token}` }
}

const environment = (account: string) => ({ env: { CLOUDFLARE_ACCOUNT_ID: account } })

function createError(what: string, { said }: WranglerResult): UserError {
  return new UserError(`Cloudflare ${what}. Output of wrangler:\n\n${said}`)
}
