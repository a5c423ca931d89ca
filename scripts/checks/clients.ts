/** Checks the configuration files of clients, which do not say what is wrong with a bad entry. */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { McpClient } from '../lib/mcp-client.ts'
import { checkHeaderValue } from '../lib/settings.ts'
import { type Check, type Finding, failed, ok, warning } from './check.ts'
import type { Subject } from './subject.ts'

type Json = Record<string, unknown>

const claudeCode: Check = {
  id: 'client.claude-code',
  needs: ['endpoint'],
  writes: false,
  why: 'Claude Code only says “Failed to connect”.',
  async look(subject) {
    const path = join(process.env.CLAUDE_CONFIG_DIR ?? homedir(), '.claude.json')
    if (!existsSync(path)) return ok(ABSENT)
    const config = readJson(path)
    if (!config) return reportJson(path)
    const local = ((config.projects ?? {}) as Json)[process.cwd()] as Json | undefined
    // A local entry takes precedence.
    const entries = [local, config].flatMap((part) =>
      Object.entries((part?.mcpServers ?? {}) as Json),
    )
    const [name, entry] = entries.find(([, one]) => isMeant(one, subject)) ?? []
    if (!name) return ok(`no entry for this relay in ${path}`)
    const { headers } = entry as { headers?: Record<string, string> }
    const [, key] = /^Bearer (.*)$/i.exec(headers?.Authorization ?? '') ?? []
    // Without a header it signs in, and a variable is Claude Code's to replace.
    if (key === undefined || key.includes('${')) return ok(`${name} in ${path}`)
    if (isHeaderValue(key)) {
      const { status } = await new McpClient(subject.origin, key).legacy('ping')
      if (status !== 401) return ok(`${name} in ${path}`)
    }
    return failed(
      `The entry ${name} in ${path} has a wrong key.`,
      `claude mcp remove ${name}`,
      `Then add it again, as ${subject.origin}/ shows.`,
    )
  },
}

const isHeaderValue = (key: string) => checkHeaderValue(key) === undefined

const cursor: Check = {
  id: 'client.cursor',
  needs: [],
  writes: false,
  why: 'Cursor silently ignores entries outside mcpServers.',
  async look(subject) {
    const paths = [process.cwd(), homedir()].map((folder) => join(folder, '.cursor', 'mcp.json'))
    return firstFault(paths, (path, config) => {
      const { mcpServers, ...rest } = config
      if (isMeant(rest, subject)) {
        const seen = `The relay is outside mcpServers in ${path}.`
        return failed(seen, `Move it inside: ${formatEntry(subject)}`, 'Then restart Cursor.')
      }
      return isMeant(mcpServers, subject) ? ok(path) : ok('no entry for this relay')
    })
  },
}

const desktop: Check = {
  id: 'client.desktop',
  needs: [],
  writes: false,
  why: 'Claude Desktop can only start programs, ignores an entry with a URL, and sometimes overwrites its file and drops entries you added.',
  async look(subject) {
    return firstFault([findDesktopConfig()], (path, { mcpServers }) => {
      const entry = Object.values((mcpServers ?? {}) as Json).find((one) => isMeant(one, subject))
      const fix = [
        `Add the entry shown at ${subject.origin}/, then quit and reopen Claude Desktop.`,
        'If you added the relay on Claude.ai as a connector, it needs no entry here.',
      ]
      if (!entry) return warning(`No entry for this relay in ${path}.`, ...fix)
      const { command } = entry as { command?: string }
      if (!command) return failed(`The entry in ${path} has no command.`, ...fix)
      if (isInstalled(command)) return ok(`${path}, starts ${command}`)
      return failed(
        `${path} starts ${command}, which is not installed.`,
        'Install Node from https://nodejs.org, then check that npx -y mcp-remote --help works.',
      )
    })
  },
}

/** Runs `look` on each file that exists, and returns the first fault or the first finding. */
function firstFault(paths: string[], look: (path: string, config: Json) => Finding): Finding {
  const findings = paths
    .filter((path) => existsSync(path))
    .map((path) => {
      const config = readJson(path)
      return config ? look(path, config) : reportJson(path)
    })
  const fault = findings.find(({ outcome }) => outcome !== 'ok')
  return fault ?? findings[0] ?? ok(ABSENT)
}

const ABSENT = 'not installed'

function reportJson(path: string): Finding {
  return failed(
    `${path} is not valid JSON.`,
    `This shows where: node -p 'JSON.parse(fs.readFileSync("${path}"))'`,
  )
}

function readJson(path: string): Json | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8').replace(/^\ufeff/, ''))
  } catch {
    return undefined
  }
}

/** Whether part of a configuration refers to this relay. */
function isMeant(part: unknown, { origin, home }: Subject): boolean {
  const text = JSON.stringify(part) ?? ''
  const names = [origin, origin.replace('//127.0.0.1:', '//localhost:'), home?.publicUrl]
  return names.some((name) => name && (text.includes(`"${name}/`) || text.includes(`"${name}"`)))
}

function formatEntry({ origin }: Subject): string {
  return JSON.stringify({ mcpServers: { relay: { url: `${origin}/mcp` } } })
}

function findDesktopConfig(): string {
  const { APPDATA, XDG_CONFIG_HOME } = process.env
  const folder =
    process.platform === 'darwin'
      ? join(homedir(), 'Library/Application Support')
      : (APPDATA ?? XDG_CONFIG_HOME ?? join(homedir(), '.config'))
  return join(folder, 'Claude', 'claude_desktop_config.json')
}

function isInstalled(command: string): boolean {
  const folders = ['', ...(process.env.PATH ?? '').split(delimiter)]
  const endings = process.platform === 'win32' ? ['', '.cmd', '.exe'] : ['']
  return folders.some((folder) =>
    endings.some((ending) => existsSync(join(folder, command + ending))),
  )
}

export const clientChecks = [claudeCode, cursor, desktop]
