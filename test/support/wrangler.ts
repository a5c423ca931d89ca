/**
 * A stand-in for the project's wrangler, which takes over a second to start: loaded before it with
 * --import, it answers in its place. Knows the commands that the scripts run, and sends the same requests
 * to startCloudflare(), except that an upload names no bundle: that one takes the bundle of this run.
 * test/e2e/deploy/wrangler.test.ts compares it with the real one.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { parse } from 'smol-toml'

const {
  CLOUDFLARE_API_BASE_URL: base = '',
  CLOUDFLARE_API_TOKEN: token,
  CLOUDFLARE_ACCOUNT_ID: account = '',
  WRANGLER_OUTPUT_FILE_PATH: outputFile,
} = process.env

const [, program = '', ...args] = process.argv
// A dry run bundles the Worker, which nothing else does.
if (/[\\/]wrangler[\\/].+\.js$/.test(program) && !args.includes('--dry-run')) {
  try {
    process.exit(await run())
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    process.exit(1)
  }
}

/** Runs the command of the arguments; returns the exit code. */
async function run(): Promise<number> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      config: { type: 'string', default: 'wrangler.toml' },
      'secrets-file': { type: 'string', default: '' },
      force: { type: 'boolean' },
      json: { type: 'boolean' },
    },
  })
  const { name = positionals[1] ?? '', config, 'secrets-file': secretsFile } = values
  const workers = `/accounts/${account}/workers`
  switch (positionals.slice(0, positionals[0] === 'delete' ? 1 : 2).join(' ')) {
    case 'whoami': {
      if (!token) return print({ loggedIn: false }, 1)
      const [{ email }, accounts] = await Promise.all([request('/user'), request('/accounts')])
      return print({ loggedIn: true, authType: 'User API Token', email, accounts })
    }
    case 'auth token':
      return print({ type: 'api_token', token })
    case 'secret list':
      return print(await request(`${workers}/scripts/${name}/secrets`))
    case 'secret bulk': {
      const entries = Object.entries(JSON.parse(await text(process.stdin)))
      const secrets = entries.map(([key, value]) => [key, value === null ? null : { text: value }])
      const body = { secrets: Object.fromEntries(secrets) }
      await request(`${workers}/scripts/${name}/secrets-bulk`, 'PATCH', body)
      return 0
    }
    case 'delete':
      await request(`${workers}/services/${name}`, 'DELETE')
      return 0
    case 'deploy':
      return deploy(name, config, JSON.parse(readFileSync(secretsFile, 'utf8')))
  }
  throw new Error(`The stand-in does not know this command: wrangler ${args.join(' ')}`)
}

/** The values that a deployment takes from wrangler.toml. */
interface Config {
  preview_urls: boolean
  triggers?: { crons?: string[] }
  secrets: { required: string[] }
}

async function deploy(name: string, file: string, secrets: Record<string, string>) {
  const { preview_urls, triggers, ...config } = parse(
    readFileSync(file, 'utf8'),
  ) as unknown as Config
  const script = `/accounts/${account}/workers/scripts/${name}`
  const { subdomain } = await request(`/accounts/${account}/workers/subdomain`)
  const inherited = config.secrets.required.filter((each) => !(each in secrets))
  const upload = {
    bindings: [
      ...Object.entries(secrets).map(([key, text]) => ({ name: key, type: 'secret_text', text })),
      ...inherited.map((each) => ({ name: each, type: 'inherit' })),
    ],
  }
  const isNew = await request(`/accounts/${account}/workers/services/${name}`).then(
    () => false,
    () => true,
  )
  if (isNew) await request(script, 'PUT', upload)
  else {
    await request(`${script}/versions`, 'POST', upload)
    await request(`${script}/deployments`, 'POST', {})
  }
  const addresses = { enabled: true, previews_enabled: preview_urls }
  await request(`${script}/subdomain`, 'POST', addresses)
  const crons = triggers?.crons ?? []
  if (crons.length > 0) {
    await request(
      `${script}/schedules`,
      'PUT',
      crons.map((cron) => ({ cron })),
    )
  }
  const targets = [`https://${name}.${subdomain}.workers.dev`]
  appendFileSync(outputFile as string, `${JSON.stringify({ type: 'deploy', targets })}\n`)
  return 0
}

// biome-ignore lint/suspicious/noExplicitAny: each caller knows the answer it asked for.
async function request(path: string, method = 'GET', body?: object): Promise<any> {
  const response = await fetch(`${base}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: body ? JSON.stringify(body) : null,
  })
  const { success, result, errors } = (await response.json()) as {
    success: boolean
    result: unknown
    errors: { code: number; message: string }[]
  }
  if (success) return result
  const [{ code, message } = { code: 0, message: '' }] = errors
  if (code === 10007 && path.endsWith('/secrets')) {
    throw new Error(`Worker "${path.split('/').at(-2)}" not found.`)
  }
  throw new Error(`A request to the Cloudflare API (${path}) failed.\n${message} [code: ${code}]`)
}

function print(answer: unknown, code = 0): number {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
  return code
}
