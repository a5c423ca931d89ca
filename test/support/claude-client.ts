/**
 * The real Claude Code, run by tests against a relay and a stand-in for its model (model.ts). Its licence
 * does not allow it to be shipped, so each run of the tests installs the newest version from the package
 * registry into the run's own folder. Where that is not possible, `whyNotInstalled` says why, and the
 * tests that need it are skipped with that reason.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { inject } from 'vitest'
import { UNHURRIED } from './claude-code.ts'
import { processesOf } from './home.ts'
import type { Model } from './model.ts'
import { openTerminal } from './person.ts'
import type { TestRelay } from './relay.ts'

const run = promisify(execFile)

const PACKAGE = '@anthropic-ai/claude-code@latest'
const INSTALL_MS = 120_000
const RUN_MS = 60_000
const PROJECT = fileURLToPath(new URL('../../', import.meta.url))

/** A key that the client sends only to the stand-in. */
const MODEL_KEY = `sk-ant-api03-${'x'.repeat(80)}`

/** Where it is installed, or why it is not: the name of a test says so. */
const installation = await install().catch((error: Error & { stderr?: string }) => {
  const lines = `${error.stderr ?? ''}\n${error.message}`.split('\n').filter(Boolean)
  return { why: (lines[0] ?? '').slice(0, 120) }
})
export const whyNotInstalled = 'why' in installation ? installation.why : undefined
if (whyNotInstalled) console.warn(`Tests with Claude Code are skipped: ${whyNotInstalled}`)

/** One installation for all test files of a run: the first to come makes it, the others wait. */
async function install(): Promise<{ program: string }> {
  const [major = 0] = process.versions.node.split('.').map(Number)
  if (major < 22) throw new Error(`Claude Code needs Node 22, and this is ${process.version}`)
  const folder = join(inject('scratch'), 'claude-code')
  const program = join(folder, 'node_modules', '.bin', 'claude')
  const done = join(folder, 'done')
  const failed = join(folder, 'failed')
  try {
    mkdirSync(folder)
  } catch {
    for (const until = Date.now() + INSTALL_MS; Date.now() < until; await sleep(100)) {
      if (existsSync(done)) return { program }
      if (existsSync(failed)) throw new Error('error: it could not be installed')
    }
    throw new Error('error: its installation did not end')
  }
  try {
    const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
    await run('npm', ['install', '--prefix', folder, ...options, PACKAGE], { timeout: INSTALL_MS })
    // A script of the package would do this: its program is in the package of this system.
    await run(process.execPath, [
      join(folder, 'node_modules/@anthropic-ai/claude-code/install.cjs'),
    ])
    await run(program, ['--version'])
    writeFileSync(done, '')
    return { program }
  } catch (error) {
    writeFileSync(failed, '')
    throw error
  }
}

export interface ClaudeOptions {
  model: Model
  /** Installs the relay's plugin with its settings. */
  plugin?: TestRelay
  /** Entries of `mcpServers` in the settings of the user. */
  servers?: Record<string, object>
  /** Rules of the person's settings, such as `mcp__relay`. */
  allow?: string[]
}

/** A home and a project folder of one person who has used Claude Code before, removed at the end. */
export async function createClaude({ model, plugin, servers = {}, allow = [] }: ClaudeOptions) {
  if ('why' in installation) throw new Error(installation.why)
  const { program } = installation
  // In the folder of the run, since a client that was killed may still write a file after its removal.
  const home = mkdtempSync(join(inject('scratch'), 'home-'))
  const project = join(home, 'billing')
  mkdirSync(project)
  const settings = {
    hasCompletedOnboarding: true,
    theme: 'dark',
    hasSeenAutoDefaultNotice: true,
    hasSeenAutoDefaultNudge: true,
    customApiKeyResponses: { approved: [MODEL_KEY.slice(-20)], rejected: [] },
    projects: { [project]: { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } },
    mcpServers: servers,
  }
  writeFileSync(join(home, '.claude.json'), JSON.stringify(settings))
  mkdirSync(join(home, '.claude'))
  const rules = { permissions: { allow, defaultMode: 'default' } }
  writeFileSync(join(home, '.claude', 'settings.json'), JSON.stringify(rules))
  const browser = join(home, 'browser')
  const visited = join(home, 'visited')
  writeFileSync(browser, `#!/bin/sh\necho "$1" >> '${visited}'\n`, { mode: 0o700 })
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    TMPDIR: home,
    BROWSER: browser,
    ANTHROPIC_BASE_URL: model.url,
    ANTHROPIC_API_KEY: MODEL_KEY,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
    ...UNHURRIED,
  }
  const options = { env, cwd: project, timeout: RUN_MS, maxBuffer: 10_000_000 }
  /** Runs a command of the client, or `-p`, until it ends. */
  const command = (...args: string[]) => {
    const running = run(program, args, options)
    running.child.stdin?.end()
    return running
  }
  if (plugin) {
    await command('plugin', 'marketplace', 'add', PROJECT)
    const given = ['--config', `url=${plugin.url}/mcp`, '--config', `api_key=${plugin.key}`]
    await command('plugin', 'install', 'relay@relay-mcp', ...given)
  }
  return {
    home,
    project,
    command,

    /** The pages that the client has opened in the browser. */
    visited: () => (existsSync(visited) ? readFileSync(visited, 'utf8').trim().split('\n') : []),

    /** The answer to one prompt with `claude -p`. */
    async ask(prompt: string, ...args: string[]): Promise<string> {
      return (await command('-p', prompt, '--model', 'sonnet', ...args)).stdout.trim()
    },

    /** Runs a command in a terminal. */
    inTerminal: (...args: string[]) => openTerminal(program, args, env, project),

    /** Opens an interactive session. */
    open(...args: string[]) {
      const person = openTerminal(program, ['--model', 'sonnet', ...args], env, project)
      return {
        ...person,
        get printed() {
          return person.printed
        },
        /**
         * Types a line. The client would take it for pasted text if its end came with it; without the space,
         * the first Enter would only complete the name of a command.
         */
        async types(line: string) {
          person.write(`${line} `)
          // Shown: the typed text has been read. It draws words, and moves over the space between them.
          for (const word of line.split(' ')) await person.sees(word)
          person.write('\r')
        },
        kill: () => process.kill(person.pid, 'SIGKILL'),
        [Symbol.dispose]: () => person[Symbol.dispose](),
      }
    },

    /** The processes that run something in this home, such as a monitor: command lines. */
    processes: () => processesOf(home),

    [Symbol.dispose]() {
      rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
    },
  }
}
