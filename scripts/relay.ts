/**
 * The entry point of all commands: `npm start`, `npm run setup` and the others are aliases for it.
 * lib/command.ts holds their common code, commands/ the code of each.
 */
import './lib/node-version.cjs'
import { type Command, runCommand } from './lib/command.ts'
import { handleClosedOutput } from './lib/output.ts'

type Entry = [summary: string, load: () => Promise<{ command: Command }>]

const COMMANDS: Record<string, Entry> = {
  start: ['run the relay on this machine', () => import('./commands/start.ts')],
  setup: [
    'deploy the relay to Cloudflare Workers and Supabase',
    () => import('./commands/setup.ts'),
  ],
  rotate: ['replace its key', () => import('./commands/rotate.ts')],
  key: [
    'make a key for one client, list or cut off connections',
    () => import('./commands/key.ts'),
  ],
  status: ['show where it runs and how long it has been up', () => import('./commands/status.ts')],
  doctor: ['find and explain problems', () => import('./commands/doctor.ts')],
  smoke: ['run a smoke test against it', () => import('./commands/smoke.ts')],
  export: ['write all its data to a file', () => import('./commands/export.ts')],
  import: ['load the data from an export', () => import('./commands/import.ts')],
  sql: ['run SQL in the local database', () => import('./commands/sql.ts')],
}

const HELP = `
npm run COMMAND -- [options]

${Object.entries(COMMANDS)
  .map(([name, [summary]]) => `  ${name.padEnd(8)} ${summary}`)
  .join('\n')}

npm run COMMAND -- --help explains a command. Exit codes: 0 success, 1 failure, 2 invalid option or
setting, 130 interrupted (start: 0).
`

const [name = '', ...args] = process.argv.slice(2)
const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
if (entry) {
  const { command } = await entry[1]()
  await runCommand(command, args)
} else if (name === '--help' || name === '-h') {
  handleClosedOutput()
  console.log(HELP.trim())
} else {
  handleClosedOutput()
  console.error(HELP.trim())
  process.exitCode = 2
}
