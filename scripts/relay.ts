/**
 * The entry of all commands: `npm start`, `npm run setup` and the others are aliases for it. What they
 * have in common is lib/command.ts's; what each does is in commands/.
 */
import './lib/node-version.cjs'
import { type Command, runCommand } from './lib/command.ts'

type Entry = [summary: string, load: () => Promise<{ command: Command }>]

const COMMANDS: Record<string, Entry> = {
  start: ['run the relay on this machine', () => import('./commands/start.ts')],
  setup: ['deploy it to Cloudflare Workers and Supabase', () => import('./commands/setup.ts')],
  rotate: ['give it a new key', () => import('./commands/rotate.ts')],
  status: ['where it runs, since when, and who uses it', () => import('./commands/status.ts')],
  doctor: ['find out what is wrong with it', () => import('./commands/doctor.ts')],
  smoke: ['use it once as clients do', () => import('./commands/smoke.ts')],
  export: ['write everything to a file', () => import('./commands/export.ts')],
  import: ['add what an export wrote', () => import('./commands/import.ts')],
  sql: ['run SQL in the database of npm start', () => import('./commands/sql.ts')],
}

const HELP = `
npm run COMMAND -- [options]

${Object.entries(COMMANDS)
  .map(([name, [summary]]) => `  ${name.padEnd(8)} ${summary}`)
  .join('\n')}

npm run COMMAND -- --help explains a command. Exit codes: 0 done, 1 failed, 2 wrong option or setting,
130 interrupted.
`

const [name = '', ...args] = process.argv.slice(2)
const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
if (entry) {
  const { command } = await entry[1]()
  await runCommand(command, args)
} else if (name === '--help' || name === '-h') {
  console.log(HELP.trim())
} else {
  console.error(HELP.trim())
  process.exitCode = 2
}
