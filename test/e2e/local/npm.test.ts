/** The commands through npm, as people call them: usage, wrong options, and the end of everything. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createHome, lives } from '../../support/home.ts'
import { openTerminal } from '../../support/person.ts'

const SCRIPTS: Record<string, string> = JSON.parse(readFileSync('package.json', 'utf8')).scripts
const COMMANDS = Object.keys(SCRIPTS).filter((name) =>
  /(relay|bench\/main)\.ts/.test(SCRIPTS[name] ?? ''),
)

/** Runs an npm script in a new data directory, and returns its exit code and what it created. */
async function runScript(name: string, ...args: string[]) {
  await using home = createHome()
  const env = { ...process.env, RELAY_DATA: home.data, RELAY_API_KEY: undefined }
  const words = ['run', '--silent', name, '--', ...args]
  const ended = await promisify(execFile)('npm', words, { env, timeout: 60_000 }).then(
    ({ stdout }) => ({ code: 0, printed: stdout }),
    ({ code, stdout, stderr }) => ({ code, printed: stdout + stderr }),
  )
  return { ...ended, created: readdirSync(home.data) }
}

test('the commands are known', () => {
  expect(COMMANDS).toEqual(
    expect.arrayContaining(['start', 'setup', 'rotate', 'status', 'doctor', 'smoke', 'bench']),
  )
})

test.each(COMMANDS)(
  '%s: --help prints its usage, and an unknown option is refused',
  async (name) => {
    const usage = name === 'start' ? 'npm start' : `npm run ${name}`
    const help = await runScript(name, '--help')
    expect(help).toMatchObject({ code: 0, created: [] })
    expect(help.printed.startsWith(usage)).toBe(true)
    const refused = await runScript(name, '--no-such-option')
    expect(refused).toMatchObject({ code: 2, created: [] })
    expect(refused.printed).toContain(`Usage: ${usage}`)
  },
)

/** Everything that runs for a home: the relay, PostgreSQL and workerd. */
const processesOf = (home: ReturnType<typeof createHome>) => [home.owner(), ...home.children()]

test('Ctrl-C in a terminal ends everything that npm start started', async () => {
  await using home = createHome()
  using person = openTerminal('npm', ['start'], { RELAY_DATA: home.data, PORT: '0' })
  await person.sees('Requests follow')
  const pids = processesOf(home)
  expect(pids.filter(lives)).toEqual(pids)
  person.interrupts()
  await person.exit
  await expect.poll(() => pids.filter(lives)).toEqual([])
})

test('SIGTERM to npm itself ends everything that npm start started', async () => {
  await using home = createHome()
  const env = { ...process.env, RELAY_DATA: home.data, PORT: '0' }
  const npm = spawn('npm', ['start'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  npm.stdout.on('data', (chunk) => {
    printed += chunk
  })
  await expect.poll(() => printed).toContain('Requests follow')
  const pids = processesOf(home)
  expect(pids.filter(lives)).toEqual(pids)
  const closed = once(npm, 'close')
  npm.kill('SIGTERM')
  // The output closes when the last process that holds it has ended.
  await closed
  await expect.poll(() => pids.filter(lives)).toEqual([])
})
