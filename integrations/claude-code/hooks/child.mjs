/** Runs the plugin's own scripts as child processes: with a time limit, and an environment that is safe for the key. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/**
 * Runs a script of this folder and resolves with what it printed, or with the reason why there is
 * nothing. `limit` is in milliseconds from the start of this process.
 *
 * The time limit is a child process that can be killed. An aborted request is not enough: a name
 * lookup on an unreachable server keeps Node from exiting until the system gives up.
 */
export function runLimited(script, args, limit) {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [fileURLToPath(new URL(script, import.meta.url)), ...args],
      {
        timeout: Math.max(1, Math.floor(limit - performance.now())),
        killSignal: 'SIGKILL',
        env: safeEnvironment(),
      },
      (error, stdout) => {
        if (!error) return resolve({ stdout })
        resolve({ reason: error.killed ? 'timeout' : 'failed' })
      },
    )
  })
}

/**
 * Uses the proxy that Claude Code itself uses (Node versions that cannot do that ignore the setting).
 * The environment may come from a project's files, so a plain proxy must not see the key: plain HTTP is
 * for loopback only and needs none, and a certificate is always verified. NODE_EXTRA_CA_CERTS stays,
 * since company proxies need it; NODE_OPTIONS could run code before this does.
 */
export function safeEnvironment() {
  const { HTTP_PROXY, http_proxy, NODE_TLS_REJECT_UNAUTHORIZED, ...kept } = process.env
  return { ...kept, NODE_USE_ENV_PROXY: '1' }
}
