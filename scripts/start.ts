/**
 * `npm start`: the relay on this machine, with its own database. Prints how to connect, then one
 * line for each request. Ctrl-C stops everything.
 *
 * Settings: PORT, RELAY_DATA and those of .dev.vars.example, see scripts/lib/settings.ts.
 * Exit codes: 0 stopped by a signal, 1 could not start or could not go on.
 */
import './lib/node-version.cjs'
import { PROJECT } from './lib/project.ts'
import { readSettings, type Settings } from './lib/settings.ts'
import { UserError } from './lib/user-error.ts'
import { Stack } from './local/stack.ts'
import { formatLogLine } from './local/workerd/log-line.ts'

async function main(): Promise<void> {
  const settings = readSettings(PROJECT)
  const stack = new Stack(settings, {
    onLine: (line) => console.log(formatLogLine(line)),
    onNotice: (sentence) => console.log(sentence),
    onFailure: (sentence) => fail(new UserError(sentence), stack),
  })
  // From here on, so that Ctrl-C during the start leaves nothing behind either.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stack.stop().then(() => process.exit(0)))
  }
  try {
    console.log(instructions(await stack.start(), settings))
  } catch (error) {
    // What a signal stopped in the middle of its start has not failed.
    if (!stack.isStopping) await fail(error, stack)
  }
}

async function fail(error: unknown, stack?: Stack): Promise<never> {
  console.error(error instanceof UserError ? error.message : error)
  await stack?.stop()
  process.exit(1)
}

function instructions(origin: string, { apiKey, supabaseUrl, publicUrl }: Settings): string {
  const address = publicUrl ? new URL(publicUrl).origin : origin
  const url = `${address}/mcp`
  const authorization = `Bearer ${apiKey}`
  const server = { type: 'http', url, headers: { Authorization: authorization } }
  return `
relay-mcp is up${supabaseUrl ? `, on ${supabaseUrl}` : ''}

  Page  ${address}, in a browser: how each client is connected
  URL   ${url}
  Key   ${apiKey}

Claude Code:

  claude mcp add --transport http relay ${url} --header "Authorization: ${authorization}"

or .mcp.json:

${JSON.stringify({ mcpServers: { relay: server } }, null, 2)}

Requests follow; Ctrl-C stops.
`
}

await main().catch((error) => fail(error))
