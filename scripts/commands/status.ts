/** `npm run status`: shows where a relay runs, and how long it has been up. */
import type { Diagnosis } from '../checks/subject.ts'
import { defineCommand } from '../lib/command.ts'
import { McpClient } from '../lib/mcp-client.ts'
import { describeKeySource, readSettings } from '../lib/settings.ts'
import { boardAddress } from '../local/board-link.ts'
import { type RunningRelay, readRunning } from '../local/data-directory-lock.ts'
import { readTarget } from '../local/target.ts'

const HELP = `
npm run status

Prints the page, URL, version and database of the relay of npm start, on a terminal a link that signs in to
the board once within ten minutes, which file has its key, its data directory, and how long it has been up.
For another relay, set RELAY_URL and RELAY_API_KEY. Exit code 1 if the relay is not
running or its database does not answer.
`

const WIDTH = 16

export const command = defineCommand({
  help: HELP,
  options: {},
  async run() {
    const { url, key, home } = readTarget()
    const settings = home && readSettings(process.cwd(), process.env, { mustExist: true })
    const running = settings && readRunning(settings.dataDirectory)
    if (settings && !running) {
      print('Data directory', settings.dataDirectory)
      console.log('The relay is not running on this data directory. Start it with npm start.')
      return 1
    }
    print('Page', `${url.origin}/`)
    print('URL', `${url.origin}/mcp`)
    // Asked on its own port, since a tunnel in front of it may be down.
    const answer = await askHealth(running?.url ?? url.origin, key)
    if (typeof answer === 'string') {
      console.log(answer)
      return 1
    }
    if (answer.issuer && answer.issuer !== url.origin) print('Public URL', answer.issuer)
    if (settings) {
      const isShown = Boolean(process.stdout.isTTY)
      print('Board', await boardAddress(running?.url ?? url.origin, settings, isShown))
      print('Key', describeKeySource(settings, process.cwd()))
    }
    print('Version', running?.version ?? String(answer.version))
    if (settings && running) {
      print('Data directory', settings.dataDirectory)
      print('Up for', `${formatUptime(running)} (process ${running.pid})`)
    }
    print('Database', describeDatabase(answer.database, running))
    const due = answer.database?.due_thread_count
    if (due) print('To be deleted', `${due} archived threads, each a week after it became due`)
    const { target_count: targets = 0, failing_target_count: failing = 0 } = answer.database ?? {}
    if (targets > 0) {
      print(
        'Receivers',
        `${targets} of new messages, ${failing} of them failing (the board lists them)`,
      )
    }
    return answer.database?.fault ? 1 : 0
  },
})

function print(name: string, value: string): void {
  console.log(`${name.padEnd(WIDTH)}${value}`)
}

type Health = Partial<Diagnosis> & { version: string }

/** Requests /health with the key; returns a sentence if that fails. */
async function askHealth(origin: string, key: string): Promise<Health | string> {
  try {
    const headers = { authorization: `Bearer ${key}` }
    const { status, body } = await new McpClient(origin, key).fetch('/health', { headers })
    if (status === 401) return 'The relay refuses the key that is set here. Run npm run doctor.'
    return status === 200 && body?.version
      ? body
      : `The relay returns ${status}. Run npm run doctor.`
  } catch (error) {
    const { message, cause } = error as Error & { cause?: Error }
    return `The relay does not answer (${cause?.message ?? message}). Run npm run doctor.`
  }
}

function describeDatabase(database: Health['database'], running?: RunningRelay): string {
  if (!database) return 'unknown'
  const { fault, project, thread_count, message_count, reader_count, round_trip_ms } = database
  const where = project ?? running?.supabaseUrl ?? (running ? 'embedded PostgreSQL' : 'Supabase')
  if (fault) return `${where}, ${fault} (run npm run doctor)`
  return `${where}, ${thread_count} threads, ${message_count} messages, ${reader_count} readers, ${round_trip_ms} ms away`
}

function formatUptime({ startedAt }: RunningRelay): string {
  const minutes = Math.floor((Date.now() - Date.parse(startedAt)) / 60_000)
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24]
  if (days > 0) return `${days} d ${hours} h`
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`
}
