/** The configuration files on this machine, of the two clients that leave out an entry without a word. */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type Check, type Finding, failed, ok, warning } from './check.ts'
import type { Subject } from './subject.ts'

type Json = Record<string, unknown>

const cursor: Check = {
  id: 'client.cursor',
  needs: [],
  writes: false,
  why: 'Cursor passes over what stands outside mcpServers, and says nothing.',
  async look(subject) {
    const paths = [process.cwd(), homedir()].map((folder) => join(folder, '.cursor', 'mcp.json'))
    return firstFault(paths, (path, config) => {
      const { mcpServers, ...rest } = config
      if (isMeant(rest, subject)) {
        const seen = `The relay is outside mcpServers in ${path}.`
        return failed(seen, `Move it in: ${shown(subject)}`, 'Then restart Cursor.')
      }
      return isMeant(mcpServers, subject) ? ok(path) : ok('not connected by a file here')
    })
  },
}

const desktop: Check = {
  id: 'client.desktop',
  needs: [],
  writes: false,
  why: 'Claude Desktop only starts programs, ignores a URL, and at times writes its file anew without what you added.',
  async look(subject) {
    return firstFault([desktopConfig()], (path, { mcpServers }) => {
      const entry = Object.values((mcpServers ?? {}) as Json).find((one) => isMeant(one, subject))
      const fix = [
        `Add what ${subject.origin}/ shows for it, quit Claude Desktop, and open it again.`,
        'Added on Claude.ai as a connector, it needs no entry.',
      ]
      if (!entry) return warning(`No entry for this relay in ${path}.`, ...fix)
      const { command } = entry as { command?: string }
      if (!command) return failed(`The entry in ${path} has no command.`, ...fix)
      if (isThere(command)) return ok(`${path}, by ${command}`)
      return failed(
        `${command}, which ${path} starts, is not on this machine.`,
        'npx -y mcp-remote --help, which needs Node: https://nodejs.org',
      )
    })
  },
}

/** What `look` says of the files that are there: a fault if there is one. */
function firstFault(paths: string[], look: (path: string, config: Json) => Finding): Finding {
  const findings = paths
    .filter((path) => existsSync(path))
    .map((path) => {
      const config = readJson(path)
      return config
        ? look(path, config)
        : failed(
            `${path} is not JSON.`,
            `node -p 'JSON.parse(fs.readFileSync("${path}"))', which says where.`,
          )
    })
  const fault = findings.find(({ outcome }) => outcome !== 'ok')
  return fault ?? findings[0] ?? ok('not on this machine')
}

function readJson(path: string): Json | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8').replace(/^\ufeff/, ''))
  } catch {
    return undefined
  }
}

/** Whether a part of a configuration names this relay. */
function isMeant(part: unknown, { origin }: Subject): boolean {
  const text = JSON.stringify(part) ?? ''
  return text.includes(`"${origin}/`) || text.includes(`"${origin}"`)
}

function shown({ origin }: Subject): string {
  return JSON.stringify({ mcpServers: { relay: { url: `${origin}/mcp` } } })
}

function desktopConfig(): string {
  const { APPDATA, XDG_CONFIG_HOME } = process.env
  const usual = process.platform === 'darwin' ? 'Library/Application Support' : '.config'
  const folder = APPDATA ?? XDG_CONFIG_HOME ?? join(homedir(), usual)
  return join(folder, 'Claude', 'claude_desktop_config.json')
}

function isThere(command: string): boolean {
  const folders = ['', ...(process.env.PATH ?? '').split(delimiter)]
  const endings = process.platform === 'win32' ? ['', '.cmd', '.exe'] : ['']
  return folders.some((folder) =>
    endings.some((ending) => existsSync(join(folder, command + ending))),
  )
}

export const clientChecks = [cursor, desktop]
