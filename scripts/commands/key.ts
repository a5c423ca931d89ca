/** `npm run key`: makes a key for one client, lists the connections of a relay, or cuts one off. */
import { formatClaudeCommand, formatMcpJson } from '../lib/client-lines.ts'
import { defineCommand } from '../lib/command.ts'
import { type Connection, callManage } from '../lib/manage.ts'
import { UsageError } from '../lib/user-error.ts'
import { readTarget, type Target } from '../local/target.ts'

const HELP = `
npm run key -- NAME [--read]
npm run key -- --list
npm run key -- --cut GID

Makes a key for one client, which is named in its posts (via) and can be cut off without the others. The key
is shown once, and only on a terminal.

  --read      the client may read, and not post
  --list      list the connections: keys, and apps that signed in
  --cut GID   cut a connection off: its next call is refused

Asks the relay of npm start. For another relay, set RELAY_URL, and RELAY_API_KEY to its own key.
`

export const command = defineCommand({
  help: HELP,
  options: {
    read: { type: 'boolean' },
    list: { type: 'boolean' },
    cut: { type: 'string' },
  },
  arguments: ['NAME'],
  async run({ read = false, list = false, cut }, [name]) {
    const wanted = [list, cut !== undefined, name !== undefined].filter(Boolean)
    if (wanted.length !== 1 || (read && name === undefined)) {
      throw new UsageError('Give the name of the client, or --list, or --cut. More: --help')
    }
    const target = readTarget()
    if (list) await listConnections(target)
    else if (cut !== undefined) await disconnect(target, cut)
    else await makeKey(target, name as string, read)
    return undefined
  },
})

async function makeKey(target: Target, name: string, isReadOnly: boolean): Promise<void> {
  // Before it is made: no one would ever see it.
  if (!process.stdout.isTTY) {
    throw new UsageError(
      'A key is shown once, and only on a terminal: run this there, without a pipe or a file.',
    )
  }
  const args = { name, scope: isReadOnly ? 'mcp:read' : 'mcp' }
  const made = await callManage<{ gid: string; key: string; name: string }>(
    target,
    'make_key',
    args,
  )
  const url = `${target.home?.publicUrl ?? target.url.origin}/mcp`
  console.log(`
Key for ${made.name}${isReadOnly ? ', which may only read' : ''}. It is not shown again:

  ${made.key}

Where the client runs, put it in RELAY_KEY:

  read -r RELAY_KEY && export RELAY_KEY

Claude Code:

  ${formatClaudeCommand(url, undefined)}

or .mcp.json:

${formatMcpJson(url, undefined)}

To cut it off:

  npm run key -- --cut ${made.gid}
`)
}

async function listConnections(target: Target): Promise<void> {
  const answer = await callManage<{ connections: Connection[] }>(target, 'list_connections', {})
  if (answer.connections.length === 0) return console.log('There are no connections.')
  for (const connection of answer.connections) console.log(formatConnection(connection))
}

async function disconnect(target: Target, gid: string): Promise<void> {
  const answer = await callManage<{ made_keys: Connection[] }>(target, 'disconnect', { gid })
  console.log(`${gid} is cut off.`)
  if (answer.made_keys.length === 0) return
  console.log('These keys were made with it, and still work:')
  for (const connection of answer.made_keys) console.log(formatConnection(connection))
}

function formatConnection({
  gid,
  kind,
  scope,
  name,
  last_used_at,
  revoked_at,
}: Connection): string {
  const use = last_used_at ? `last used ${day(last_used_at)}` : 'never used'
  const state = revoked_at ? `cut off ${day(revoked_at)}` : use
  const what = `${kind === 'key' ? 'key' : 'app'}${scope === 'mcp:read' ? ', reads only' : ''}`
  return `${gid}  ${name}  (${what}; ${state})`
}

function day(time: string): string {
  return time.slice(0, 10)
}
