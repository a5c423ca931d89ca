/**
 * The SessionStart hook: prints what news.mjs prints, or one line if that takes too long. It never
 * fails, so it cannot stop a session from starting. Runs on Node 18 or later, with nothing installed.
 *
 *   node session-start.mjs [--url URL] [--data FOLDER]   see news.mjs
 */
import { runLimited } from './child.mjs'

/** Counted from the start of this process, so that it ends within two seconds. */
const LIMIT_MS = 1_900

const WHY = { timeout: 'no answer within 2 seconds', failed: 'its hook could not run' }

const { stdout, reason } = await runLimited('news.mjs', process.argv.slice(2), LIMIT_MS)
process.stdout.write(reason ? `Relay could not be asked for news: ${WHY[reason]}.\n` : stdout)
