/**
 * The monitor, as Claude Code starts it. Runs watcher.mjs, whose lines wake the session, and starts it
 * again if it ever fails, with the same threads: the end of a monitor wakes the session too, so this
 * ends only with Claude Code.
 *
 *   node watch.mjs FOLDER   the folder of the plugin's files
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const WATCHER = fileURLToPath(new URL('watcher.mjs', import.meta.url))
/** A new watcher also notices that Claude Code has ended meanwhile. */
const PAUSE_MS = 5_000
/** The process to end with. A version of Claude Code that does not say so is taken to be the parent. */
const CLAUDE_PID = process.env.CLAUDE_PID || `${process.ppid}`

let child
/** The watcher's last report: its files are gone once it has read them. */
let kept
start()

function start() {
  child = spawn(process.execPath, [WATCHER, ...process.argv.slice(2)], {
    env: { ...process.env, CLAUDE_PID },
    // By the closed channel the watcher notices that this process was killed.
    stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
  })
  child.on('error', () => {})
  child.on('message', (report) => {
    kept = report
  })
  if (kept) child.send(kept, () => {})
  child.once('close', (code) => {
    if (code === 0) process.exit()
    setTimeout(start, PAUSE_MS)
  })
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  process.on(signal, () => {
    child.kill('SIGKILL')
    process.exit()
  })
}
