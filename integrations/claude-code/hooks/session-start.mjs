/**
 * The SessionStart hook: what news.mjs prints, or one line if that takes too long. Never fails, so
 * that no session does over it. Runs on any Node from 18 on, with nothing installed.
 *
 * The limit is a process that can be killed, because a request that can be aborted is not enough:
 * a look-up by an unreachable name server keeps Node from exiting for as long as the system waits.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** From the start of this process, so that it has ended after two seconds. */
const LIMIT_MS = 1_900

execFile(
  process.execPath,
  [fileURLToPath(new URL('news.mjs', import.meta.url))],
  {
    timeout: Math.max(1, Math.floor(LIMIT_MS - performance.now())),
    killSignal: 'SIGKILL',
    // Through the proxies that Claude Code itself goes through; older Nodes do not know it.
    env: { ...process.env, NODE_USE_ENV_PROXY: '1' },
  },
  (error, stdout) => {
    const reason = error?.killed ? 'no answer within 2 seconds' : 'its hook could not run'
    process.stdout.write(error ? `Relay could not be asked for news: ${reason}.\n` : stdout)
  },
)
