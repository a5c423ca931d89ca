/** What a rotation is for, and what the person does afterwards: the same at home and on Cloudflare. */
import { UserError } from '../lib/user-error.ts'
import { choose, say, warn } from './terminal.ts'

export type RotationKind = 'planned' | 'leaked' | 'finish'

export interface RotationOptions {
  leaked?: boolean
  finish?: boolean
}

/** As the option says, or as the person chooses. */
export async function chooseKind(
  options: RotationOptions,
  isUnderWay: boolean,
): Promise<RotationKind> {
  if (options.leaked) return 'leaked'
  if (options.finish) return 'finish'
  if (!isUnderWay) {
    return choose(
      'Why do you change the key?',
      [
        {
          value: 'planned',
          label: 'As planned: the old key keeps working until every client has the new one',
        },
        // Someone who has it could sign in with it meanwhile, and keep tokens of the new key.
        { value: 'leaked', label: 'It leaked: the old key stops working now' },
      ],
      'planned',
    )
  }
  warn('A rotation is under way: the previous key is still accepted.')
  return choose(
    'What do you want to do with it?',
    [
      { value: 'finish', label: 'Finish it: every client has the new key' },
      { value: 'planned', label: 'Another new key: the previous one ends, the current one stays' },
      { value: 'leaked', label: 'It leaked: a new key, and both of these stop working now' },
    ],
    new UserError('A rotation is under way: finish it first, with npm run rotate -- --finish.'),
  )
}

/** Says where the new key belongs. */
export function printNextSteps(kind: 'planned' | 'leaked'): void {
  say(kind === 'planned' ? CLIENTS : `${CLIENTS}\n\n${AFTER_A_LEAK}`)
}

const CLIENTS = `Give it to every client that sends the key:
  Claude Code      claude mcp remove relay, then claude mcp add with the new key; or RELAY_API_KEY
                   in the environment, if .mcp.json takes it from there
  Cursor           .cursor/mcp.json, ~/.cursor/mcp.json
  VS Code          .vscode/mcp.json
  Claude Desktop   AUTH_HEADER in claude_desktop_config.json
  Codex, Gemini    RELAY_API_KEY in the environment, settings.json
  Cowork           the mcp_servers block of each task
  Scripts          RELAY_API_KEY in the environment, .dev.vars, CI secrets
Clients that signed in (Claude.ai, ChatGPT) hold tokens that the old key signed. Those tokens end with it,
and such a client must be connected again unless it has renewed its tokens since.`

const AFTER_A_LEAK = `Anyone with the old key could read and write everything. Look through the threads for messages that
you did not post.`
