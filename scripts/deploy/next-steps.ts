/** The steps for the person after a new key, and the key for the clients of this machine. */
import { formatClaudeCommand } from '../lib/client-lines.ts'
import type { MachineKey } from '../lib/key-store.ts'
import { type Relay, settleMachineKey } from '../lib/machine-key.ts'
import { UserError } from '../lib/user-error.ts'
import { say, show, showKey, warn } from './terminal.ts'

/** Tells the person which clients need a new key. */
export function printNextSteps(kind: 'planned' | 'leaked'): void {
  say(kind === 'planned' ? CLIENTS : `${CLIENTS}\n\n${AFTER_A_LEAK}`)
}

const CLIENTS = `Set another key in every client that sends the old one, best a key of its own (npm run key):
  Claude Code      the lines below; or the variable that .mcp.json reads it from
  Its plugin       /plugin configure relay@relay-mcp
  Cursor           .cursor/mcp.json, ~/.cursor/mcp.json
  VS Code          .vscode/mcp.json
  Claude Desktop   AUTH_HEADER in claude_desktop_config.json
  Codex, Gemini    the variable that config.toml or settings.json reads it from
  Cowork           the mcp_servers block of each task
  Scripts          environments, .dev.vars, CI secrets
Clients that signed in (Claude.ai, ChatGPT) hold tokens signed with the old key, which stop working with
it. A client that has not renewed its tokens by then must be connected again.`

const AFTER_A_LEAK = `Anyone with the old key could read and write everything. Check the threads for messages that you did
not expect.`

/**
 * Makes the key for the clients of this machine, unless the kept one is good, and shows it, with the line that
 * connects Claude Code to `origin`; or the lines that do so again, if it `isConnected`. Keys are shown only on
 * a terminal.
 */
export async function showMachineKey(
  relay: Relay,
  origin: string,
  { kept, keep, place }: MachineKey,
  isConnected: boolean,
): Promise<void> {
  try {
    const key = await settleMachineKey(relay, kept, keep)
    showKey('The key for the clients of this machine', key, place)
    const shown = process.stdout.isTTY ? key : undefined
    say(`For Claude Code${shown ? '' : ', with that key in RELAY_KEY'}:`)
    const line = formatClaudeCommand(`${origin}/mcp`, shown)
    show(isConnected ? `claude mcp remove relay --scope user\n${line}` : line)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    warn(`The key for the clients of this machine could not be made: ${error.message}`)
  }
}
