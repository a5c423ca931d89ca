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

/** Who is logged in; undefined if nobody is. */
export async function readLogin(): Promise<Login | undefined> {
  const { ok, stdout, said } = await runWrangler(['whoami', '--json'])
  const login = parsed(stdout)
  if (login?.loggedIn === false) return undefined
  if (!ok || !login) throw new UserError(`Cloudflare could not say who is logged in:\n${said}`)
  return login
}

// biome-ignore lint/suspicious/noExplicitAny: read field by field by whoever knows what was asked.
function parsed(json: string): any {
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
  if (listed.ok) return parsed(listed.stdout).map(({ name }: { name: string }) => name)
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
    const lines = readFileSync(output, 'utf8').trim().split('\n').map(parsed)
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

const environment = (account: string) => ({ env: { CLOUDFLARE_ACCOUNT_ID: account } })

function failure(what: string, { said }: WranglerResult): UserError {
  return new UserError(`Cloudflare ${what}. wrangler says:\n\n${said}`)
}
