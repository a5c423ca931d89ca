/** Runs the hooks of the Claude Code plugin as Claude Code does, against a relay or a stand-in. */
import { execFile } from 'node:child_process'
import type { RequestListener } from 'node:http'
import { fileURLToPath } from 'node:url'
import type { TestRelay } from './relay.ts'
import { listen } from './server.ts'

const ROOT = new URL('../../', import.meta.url)
export const PLUGIN = new URL('integrations/claude-code/', ROOT)
export const PROMPT_HOOK = fileURLToPath(new URL('hooks/user-prompt.mjs', PLUGIN))
export const HOOK = fileURLToPath(new URL('hooks/session-start.mjs', PLUGIN))

/** The environment in which no hook stops because the machine is busy. */
export const UNHURRIED = {
  NODE_OPTIONS: `--import ${fileURLToPath(new URL('unhurried.mjs', import.meta.url))}`,
}

export const READER = 'laptop:~/dev/billing'
export const KEY = 'a-key-that-no-one-may-see'

interface Run {
  code: number
  stdout: string
  stderr: string
}

/** Runs a hook on this machine's Node, with only the given environment, and without limits unless that has some. */
export function run(
  script: string,
  env: Record<string, string> = {},
  args: string[] = [],
): Promise<Run> {
  return new Promise((resolve) => {
    const options = { env: { ...UNHURRIED, ...env } }
    const child = execFile(process.execPath, [script, ...args], options, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? Number.NaN) : 0, stdout, stderr }),
    )
    child.stdin?.end('{}')
  })
}

export const configured = (url: string, key = KEY) => ({
  RELAY_URL: url,
  RELAY_KEY: key,
  RELAY_READER_TAG: READER,
})

/** The text that a session receives at its start. */
export const news = (relay: TestRelay, env: Record<string, string> = {}) =>
  run(HOOK, { ...configured(`${relay.url}/mcp`, relay.key), ...env })

/** Introduces the reader, so that later posts are news to it. */
export async function introduce(relay: TestRelay): Promise<void> {
  await post(relay, { content: 'Welcome.' })
  await relay.call('relay_check_new', { reader_tag: READER })
}

export const post = (relay: TestRelay, message: Record<string, unknown>) =>
  relay.call('relay_post_message', { thread_name: 'billing', surface: 'code', ...message })

/** A server that is not a relay. */
export async function startServer(listener: RequestListener) {
  const server = await listen(listener)
  return { ...server, url: `${server.url}/mcp` }
}
