/**
 * The SessionStart hook: prints what news.mjs prints, or one line if that takes too long. It never
 * fails, so it cannot stop a session from starting. Runs on Node 18 or later, with nothing installed.
 *
 *   node session-start.mjs [--url URL]   see news.mjs
 *
 * The time limit is a child process that can be killed. An aborted request is not enough: a name
 * lookup on an unreachable server keeps Node from exiting until the system gives up.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Counted from the start of this process, so that it ends within two seconds. */
const LIMIT_MS = 1_900

execFile(
  process.execPath,
  [fileURLToPath(new URL('news.mjs', import.meta.url)), ...process.argv.slice(2)],
  {
    timeout: Math.max(1, Math.floor(LIMIT_MS - performance.now())),
    killSignal: 'SIGKILL',
    env: childEnvironment(),
  },
  (error, stdout) => {
    const reason = error?.killed ? 'no answer within 2 seconds' : 'its hook could not run'
    process.stdout.write(error ? `Relay could not be asked for news: ${reason}.\n` : stdout)
  },
)

/**
 * Uses the proxy that Claude Code itself uses (Node versions that cannot do that ignore the setting).
 * The environment may come from a project's files, so nothing in it may expose the key: plain HTTP is
 * for loopback only and needs no proxy, and a certificate is always verified.
 */
function childEnvironment() {
  const { HTTP_PROXY, http_proxy, NODE_TLS_REJECT_UNAUTHORIZED, ...kept } = process.env
  return { ...kept, NODE_USE_ENV_PROXY: '1' }
}
