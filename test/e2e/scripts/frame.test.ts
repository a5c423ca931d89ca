/** Rules for all commands: help, strict options, exit codes, and an end when they are told. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createHome, lives } from '../../support/home.ts'
import { createHome as createFolder, inTerminal } from '../../support/person.ts'

const SCRIPT = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const RELAY = SCRIPT('scripts/relay.ts')
const COMMANDS = [
  'start',
  'setup',
  'rotate',
  'status',
  'doctor',
  'smoke',
  'export',
  'import',
  'sql',
].map((name) => [name, RELAY])

async function run(script: string, args: string[], cwd: string) {
  const env = { PATH: process.env.PATH ?? '', HOME: cwd, RELAY_DATA: cwd }
  return promisify(execFile)(process.execPath, [script, ...args], { cwd, env }).then(
    ({ stdout, stderr }) => ({ code: 0, printed: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code, printed: stdout + stderr }),
  )
}

test.each([...COMMANDS, ['bench', SCRIPT('bench/main.ts')]])(
  '%s explains itself, refuses what it does not know with 2, and does nothing else',
  async (name, script) => {
    using folder = createFolder()
    const own = name === 'bench' ? [] : [name as string]
    const help = await run(script as string, [...own, '--help'], folder.path)
    expect(help.printed).toMatch(new RegExp(`^npm (run )?${name}\\b`))
    expect(help.code).toBe(0)
    const unknown = await run(script as string, [...own, '--no-such-option'], folder.path)
    expect(unknown.printed).toContain('--no-such-option')
    expect(unknown.printed).not.toContain('    at ')
    expect(unknown.code).toBe(2)
    expect(readdirSync(folder.path)).toEqual([])
  },
)

test('without a command the list of them is printed, with 2', async () => {
  using folder = createFolder()
  for (const args of [[], ['no-such-command'], ['constructor']]) {
    const { code, printed } = await run(RELAY, args, folder.path)
    expect(code).toBe(2)
    for (const [name] of COMMANDS) expect(printed).toContain(`  ${name} `)
  }
})

test('SIGTERM to npm ends npm start and everything that it started', async () => {
  await using home = createHome()
  const npm = spawn('npm', ['start'], {
    env: { ...process.env, RELAY_DATA: home.data, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  npm.stdout.on('data', (chunk) => {
    printed += chunk
  })
  await expect.poll(() => printed).toContain('Requests follow')
  const children = home.children()
  expect(children.map(lives)).toEqual([true, true])
  npm.kill('SIGTERM')
  await once(npm, 'exit')
  await expect.poll(() => children.filter(lives)).toEqual([])
  // The record goes last.
  await expect.poll(() => readdirSync(home.data)).not.toContain('owner.json')
})

test('Ctrl-C ends a question with 130', async () => {
  using folder = createFolder()
  using person = inTerminal('rotate', ['--deployed'], {
    RELAY_DATA: folder.path,
    CLOUDFLARE_API_TOKEN: 'x',
    CLOUDFLARE_API_BASE_URL: 'http://127.0.0.1:9',
  })
  await person.sees('Asking wrangler')
  person.interrupts()
  expect(await person.exit).toBe(130)
})
