/** The kinds of rotation and the steps that follow each; the same at home and on Cloudflare. */
import { formatClaudeCommand } from '../lib/client-lines.ts'
import { UserError } from '../lib/user-error.ts'
import { choose, say, show, warn } from './terminal.ts'

export type RotationKind = 'planned' | 'leaked' | 'finish'

export interface RotationOptions {
  leaked?: boolean
  finish?: boolean
}

/** Takes the kind from the options, or asks for it. */
export async function chooseKind(
  options: RotationOptions,
  isInProgress: boolean,
): Promise<RotationKind> {
  if (options.leaked) return 'leaked'
  if (options.finish) return 'finish'
  if (!isInProgress) {
    return choose(
      'Why are you changing the key?',
      [
        {
          value: 'planned',
          label: 'Planned: the old key keeps working until every client has the new one',
        },
        // Otherwise a thief could sign in with it meanwhile and keep tokens signed with the new key.
        { value: 'leaked', label: 'It leaked: the old key stops working now' },
      ],
      'planned',
    )
  }
  warn('A rotation is in progress: the previous key is still accepted.')
  return choose(
    'What do you want to do with it?',
    [
      { value: 'finish', label: 'Finish it: every client has the new key' },
      {
        value: 'planned',
        label: 'Another new key: the previous one stops working, the current one keeps working',
      },
      { value: 'leaked', label: 'It leaked: a new key; both old keys stop working now' },
    ],
    new UserError('A rotation is in progress: finish it first with npm run rotate -- --finish.'),
  )
}

/** Tells the person where to put the new key; the key itself is shown only on a terminal. */
export function printNextSteps(kind: 'planned' | 'leaked', origin: string, key: string): void {
  say(kind === 'planned' ? CLIENTS : `${CLIENTS}\n\n${AFTER_A_LEAK}`)
  const shown = process.stdout.isTTY ? key : undefined
  say(`For Claude Code${shown ? '' : ', with the new key in RELAY_KEY'}:`)
  show(`claude mcp remove relay --scope user\n${formatClaudeCommand(`${origin}/mcp`, shown)}`)
}

const CLIENTS = `Set the new key in every client that sends it:
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
