/** `npm start`: runs the relay on this machine, with its own database. */
import { spawn } from 'node:child_process'
import { unwatchFile, watchFile } from 'node:fs'
import { join } from 'node:path'
import { formatClaudeCommand, formatMcpJson } from '../lib/client-lines.ts'
import { defineCommand } from '../lib/command.ts'
import { changeKept, findKept, keptPath } from '../lib/data-directory.ts'
import { environmentFor } from '../lib/environment.ts'
import { settleMachineKey } from '../lib/machine-key.ts'
import { PROJECT, readVersion } from '../lib/project.ts'
import { describeKeySource, readSettings, type Settings } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import { boardAddress } from '../local/board-link.ts'
import { Stack } from '../local/stack.ts'
import { formatLogLine } from '../local/workerd/log-line.ts'

const HELP = `
npm start -- [--port PORT] [--open]

Runs the relay on this machine, with its own database. Prints how to connect, then one line for each
request. Ctrl-C stops everything.

  --port PORT   port to listen on; 0 means any free port (default: the setting PORT, or 8787)
  --open        open the board in the browser, signed in, when the relay is up

Settings are read from the environment, then from .dev.vars (see .dev.vars.example). The first run
generates the others and saves them in RELAY_DATA (.relay).
`

/** Milliseconds between two checks for changed keys. */
const WATCH_PAUSE_MS = 500

export const command = defineCommand({
  help: HELP,
  options: { port: { type: 'string' }, open: { type: 'boolean' } },
  stopsItself: true,
  async run({ port, open }) {
    const read = () =>
      readSettings(PROJECT, port === undefined ? process.env : { ...process.env, PORT: port })
    const settings = read()
    const stack = new Stack(settings, {
      onLine: (line) => console.log(formatLogLine(line)),
      onNotice: (sentence) => console.log(sentence),
    })
    const stopped = Promise.withResolvers<void>()
    const stop = () => stack.stop().then(stopped.resolve)
    // Installed before the start, so that Ctrl-C during it leaves nothing running either.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
    const origin = await stack.start(readVersion())
    if (origin) {
      // Journals and log files are kept and read by others: credentials are shown on a terminal only.
      const isShown = Boolean(process.stdout.isTTY)
      const board = await boardAddress(origin, settings, isShown)
      const key = await readMachineKey(origin, settings).catch(explainMissingKey)
      console.log(formatInstructions(origin, board, settings, isShown ? key : undefined))
      if (open) openInBrowser(await boardAddress(origin, settings, true))
    }
    const unwatch = watchKeys(stack, settings, read)
    await stopped.promise
    unwatch()
    // A pending request to a project, for example, must not delay the exit.
    process.exit(0)
  },
})

/** Restarts the Worker with the new keys after `npm run rotate` has changed them. */
function watchKeys(stack: Stack, first: Settings, read: () => Settings): () => void {
  let known = first
  const look = () => {
    try {
      const now = read()
      const isSame = now.apiKey === known.apiKey && now.previousApiKey === known.previousApiKey
      known = now
      if (!isSame) stack.changeKeys(now)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      console.error(error.message)
    }
  }
  const files = [keptPath(first.dataDirectory), join(PROJECT, '.dev.vars')]
  for (const file of files) watchFile(file, { interval: WATCH_PAUSE_MS, persistent: false }, look)
  return () => {
    for (const file of files) unwatchFile(file, look)
  }
}

function readMachineKey(origin: string, { apiKey, dataDirectory }: Settings): Promise<string> {
  const relay = { url: new URL(origin), key: apiKey }
  return settleMachineKey(relay, findKept(dataDirectory)?.RELAY_KEY, (key) =>
    changeKept(dataDirectory, { RELAY_KEY: key }),
  )
}

/** Without its database the relay runs, but makes no key. */
function explainMissingKey(error: unknown): undefined {
  if (!(error instanceof UserError)) throw error
  console.log(`The key for the clients of this machine could not be made: ${error.message}`)
}

function formatInstructions(
  origin: string,
  board: string,
  settings: Settings,
  key: string | undefined,
): string {
  const { supabaseUrl, publicUrl, dataDirectory, warnings } = settings
  const address = publicUrl ? new URL(publicUrl).origin : origin
  const url = `${address}/mcp`
  return `
relay-mcp is up${supabaseUrl ? `, on ${supabaseUrl}` : ''}

  Board ${board}
  Page  ${address}, in a browser: how to connect each client
  URL   ${url}
  Key   ${key ?? `RELAY_KEY in ${keptPath(dataDirectory)}`}

The key is for the clients of this machine. The relay's own, which you sign in with, is
${describeKeySource(settings, PROJECT)}.

Claude Code:

  ${formatClaudeCommand(url, key)}

or .mcp.json:

${formatMcpJson(url, key)}
${warnings.map((warning) => `\nWarning: ${warning}\n`).join('')}
Requests follow. Press Ctrl-C to stop.
`
}

/** Opens a URL with the desktop's own program, if there is one. */
function openInBrowser(url: string): void {
  const [program, ...args] =
    process.platform === 'darwin'
      ? ['open', url]
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '', url]
        : ['xdg-open', url]
  const options = { stdio: 'ignore', detached: true, env: environmentFor() } as const
  const child = spawn(program as string, args, options)
  child.on('error', () =>
    console.log(`No browser could be opened. Open ${url.split('#')[0]} yourself.`),
  )
  child.unref()
}
