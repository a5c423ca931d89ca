/**
 * The Worker's settings: `Env`, as Cloudflare passes it, parsed once into `Config`. Faults of settings
 * are returned, not thrown, so that /health, the page and the endpoint can report them; a value is
 * never repeated. A bad optional setting is a warning and is left out: only required ones stop the relay.
 */
import { isPrivateHost } from './loopback.ts'
import {
  isEventHost,
  isReceiverOrigin,
  parseOrigin,
  SETTINGS,
  type SettingName,
  splitList,
} from './settings-table.ts'
import { foldName } from './similar.ts'

/** The settings of a complete deployment. */
export interface Config {
  apiKey: string
  /** The key before this one, still accepted while clients are being changed. */
  previousApiKey: string | undefined
  supabaseUrl: string
  supabaseServiceKey: string
  userId: string
  /** The origin by which clients reach the relay, where that is not the request's own. */
  publicUrl: string | undefined
  /** Origins of browser pages that may call the relay, in addition to its own. */
  allowedOrigins: ReadonlySet<string>
  /** Whether the board is offered as a view in chats. */
  app: boolean
  /** Where notifications are sent, and the folded reader tags whose messages are notified. */
  notifyUrl: string | undefined
  notifyFor: ReadonlySet<string>
  /** Whether MCP Events are offered, and the hosts of receivers besides ChatGPT's; `*` for any. */
  events: boolean
  eventHosts: ReadonlySet<string>
  /** Days after which an archived, silent thread is deleted; undefined where none ever is. */
  deleteArchivedDays: number | undefined
  /** Host names the relay answers to; undefined where the platform routes by host. */
  hosts: ReadonlySet<string> | undefined
}

/** A setting that is missing or malformed, and a sentence that says so. */
export interface ConfigFault {
  setting: string
  message: string
}

export type ConfigResult =
  | { ok: true; config: Config; warnings: ConfigFault[] }
  | { ok: false; faults: ConfigFault[]; warnings: ConfigFault[] }

/** Parses the Worker's environment. */
export function readConfig(env: unknown): ConfigResult {
  const faults: ConfigFault[] = []
  const warnings: ConfigFault[] = []
  const read = (name: string): string => {
    const value = (env as Record<string, unknown>)[name]
    return typeof value === 'string' ? value : ''
  }
  const warn = (setting: SettingName, problem: string) => {
    warnings.push({ setting, message: `${setting} ${problem}.` })
  }
  for (const { name, isRequired, check } of SETTINGS) {
    const value = read(name)
    const problem = value === '' ? 'is missing' : check(value)
    if (isRequired && problem) faults.push({ setting: name, message: `${name} ${problem}.` })
  }

  const hosts = read('RELAY_HOSTS') === '' ? undefined : new Set(splitList(read('RELAY_HOSTS')))
  const apiKey = read('RELAY_API_KEY')
  // White space cannot have been part of a key: no header carries it.
  const previousApiKey = readOptional('RELAY_API_KEY_PREVIOUS', read, warn)
  const publicUrl = readPublicUrl(read('RELAY_PUBLIC_URL'), hosts !== undefined, warn)
  const allowedOrigins = readOrigins(read('RELAY_ALLOWED_ORIGINS'), warn)
  const notifyUrl = readOptional('RELAY_NOTIFY_URL', read, warn)
  const notifyFor = splitList(readOptional('RELAY_NOTIFY_FOR', read, warn) ?? 'board')
  const eventHosts = readHosts(read('RELAY_EVENT_HOSTS'), hosts !== undefined, warn)
  const deleteArchivedDays = readOptional('RELAY_DELETE_ARCHIVED_DAYS', read, warn)
  if (faults.length > 0) return { ok: false, faults, warnings }
  return {
    ok: true,
    config: {
      apiKey,
      previousApiKey,
      supabaseUrl: new URL(read('SUPABASE_URL')).origin,
      supabaseServiceKey: read('SUPABASE_SERVICE_KEY'),
      userId: read('RELAY_USER_ID'),
      publicUrl,
      allowedOrigins,
      app: readOptional('RELAY_APP', read, warn) === '1',
      notifyUrl,
      notifyFor: new Set(notifyFor.map(foldName)),
      events: readOptional('RELAY_EVENTS', read, warn) !== '0',
      eventHosts,
      deleteArchivedDays: deleteArchivedDays === undefined ? undefined : Number(deleteArchivedDays),
      hosts,
    },
    warnings,
  }
}

type Warn = (setting: SettingName, problem: string) => void

const check = (name: SettingName, value: string) =>
  SETTINGS.find((setting) => setting.name === name)?.check(value)

/** A setting that is taken as it is, without white space around it, or left out. */
function readOptional(name: SettingName, read: (name: string) => string, warn: Warn) {
  const value = read(name).trim()
  const problem = value === '' ? undefined : check(name, value)
  if (problem !== undefined) warn(name, `${problem}, and is left out`)
  return value === '' || problem !== undefined ? undefined : value
}

/** `isLocal`: at home a relay may be reached over http, at an address of the private network. */
function readPublicUrl(value: string, isLocal: boolean, warn: Warn): string | undefined {
  if (value === '') return undefined
  // The address of the endpoint is often pasted for that of the relay.
  const url = URL.parse(value.trim().replace(/\/mcp\/?$/, ''))
  const isPrivate = isLocal && url?.protocol === 'http:' && isPrivateHost(url.hostname)
  const origin = isPrivate ? url.href.replace(/^http:/, 'https:') : (url?.href ?? value)
  const problem = check('RELAY_PUBLIC_URL', origin)
  if (url && problem === undefined) return url.origin
  warn('RELAY_PUBLIC_URL', `${problem}. Until then, the address of each request is used`)
  return undefined
}

function readOrigins(value: string, warn: Warn): Set<string> {
  const origins = new Set<string>()
  for (const [index, entry] of splitList(value).entries()) {
    const origin = parseOrigin(entry)
    if (origin !== undefined) origins.add(origin)
    else if (entry === '*') {
      warn(
        'RELAY_ALLOWED_ORIGINS',
        'has the entry *, which is left out: any web page could then guess at the key. List the origins',
      )
    } else {
      warn(
        'RELAY_ALLOWED_ORIGINS',
        `has an entry, number ${index + 1}, that is left out: it must be an origin such as https://example.com`,
      )
    }
  }
  return origins
}

/** `isLocal`: receivers on this machine can be reached only at home. */
function readHosts(value: string, isLocal: boolean, warn: Warn): Set<string> {
  const hosts = new Set<string>()
  for (const [index, entry] of splitList(value).entries()) {
    const isUsable = isReceiverOrigin(entry) ? isLocal : isEventHost(entry)
    if (isUsable) hosts.add(entry.toLowerCase())
    else {
      warn(
        'RELAY_EVENT_HOSTS',
        `has an entry, number ${index + 1}, that is left out: it must be a host name such as hooks.example.com, or *${isLocal ? ', or an origin of this machine such as http://127.0.0.1:9000' : ''}`,
      )
    }
  }
  return hosts
}
