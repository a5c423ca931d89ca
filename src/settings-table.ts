/**
 * The Worker's settings: name, meaning and rule of each. The Worker's own check, the page, the doctor
 * and the docs all read this table. Leaf: scripts import it too.
 */
import {
  cleanKey,
  isClientKey,
  isPublishableKey,
  isServiceKey,
  MIN_KEY_LENGTH,
} from './key-rules.ts'
import { isLoopback } from './loopback.ts'

export interface Setting {
  name: string
  /** Without a required setting the relay rejects every request; an optional one is left out when bad. */
  isRequired: boolean
  isSecret: boolean
  /** The fault of a value, to follow the setting's name; undefined when it is good. */
  check(value: string): string | undefined
}

/** Tokens would be signed with it, and none signed with the relay's own key would be valid any more. */
export const CLIENT_KEY_SENTENCE =
  'is a key for one client, made by npm run key; it must be the key of the relay itself. Lines for clients use RELAY_KEY'

export const SETTINGS = [
  {
    name: 'RELAY_API_KEY',
    isRequired: true,
    isSecret: true,
    check(value) {
      if (value !== value.trim()) return 'has white space around it'
      if (isClientKey(cleanKey(value))) return CLIENT_KEY_SENTENCE
      if (value.length < MIN_KEY_LENGTH) {
        return `must have at least ${MIN_KEY_LENGTH} characters; openssl rand -base64 32 creates a good one`
      }
      return undefined
    },
  },
  {
    name: 'SUPABASE_URL',
    isRequired: true,
    isSecret: false,
    check: (value) =>
      isOriginUrl(value)
        ? undefined
        : 'must be the project URL, such as https://abcdefgh.supabase.co, without a path',
  },
  {
    name: 'SUPABASE_SERVICE_KEY',
    isRequired: true,
    isSecret: true,
    check(value) {
      if (isPublishableKey(value)) {
        return 'is the publishable (anon) key; the relay needs the secret (service_role) key'
      }
      return isServiceKey(value)
        ? undefined
        : 'must be a key that starts with sb_secret_, or the legacy service_role key'
    },
  },
  {
    name: 'RELAY_USER_ID',
    isRequired: true,
    isSecret: false,
    check: (value) => (isUuid(value) ? undefined : 'must be a UUID'),
  },
  {
    name: 'RELAY_API_KEY_PREVIOUS',
    isRequired: false,
    isSecret: true,
    check(value) {
      if (isClientKey(cleanKey(value))) return CLIENT_KEY_SENTENCE
      return value.trim().length < MIN_KEY_LENGTH
        ? `must have at least ${MIN_KEY_LENGTH} characters`
        : undefined
    },
  },
  {
    name: 'RELAY_PUBLIC_URL',
    isRequired: false,
    isSecret: false,
    check: (value) =>
      isOriginUrl(value)
        ? undefined
        : 'must be an origin such as https://relay.example.com, without a path',
  },
  {
    name: 'RELAY_ALLOWED_ORIGINS',
    isRequired: false,
    isSecret: false,
    check: (value) =>
      splitList(value).every((entry) => parseOrigin(entry) !== undefined)
        ? undefined
        : 'must be origins such as https://example.com, separated by commas',
  },
  {
    name: 'RELAY_APP',
    isRequired: false,
    isSecret: false,
    check: (value) => (value === '1' || value === '0' ? undefined : 'must be 1 (on) or 0 (off)'),
  },
  {
    name: 'RELAY_NOTIFY_URL',
    isRequired: false,
    isSecret: true,
    check: (value) =>
      URL.canParse(value) && /^https:[^@]+$/i.test(value)
        ? undefined
        : 'must be an https URL without @',
  },
  {
    name: 'RELAY_NOTIFY_FOR',
    isRequired: false,
    isSecret: false,
    check: (value) =>
      splitList(value).length > 0 ? undefined : 'must be reader tags, separated by commas',
  },
  {
    name: 'RELAY_EVENTS',
    isRequired: false,
    isSecret: false,
    check: (value) => (value === '1' || value === '0' ? undefined : 'must be 1 (on) or 0 (off)'),
  },
  {
    name: 'RELAY_EVENT_HOSTS',
    isRequired: false,
    isSecret: false,
    check: (value) =>
      splitList(value).every(isEventHost)
        ? undefined
        : 'must be host names such as hooks.example.com, or *, separated by commas; at home also origins of this machine, such as http://127.0.0.1:9000',
  },
  {
    name: 'RELAY_DELETE_ARCHIVED_DAYS',
    isRequired: false,
    isSecret: false,
    check: (value) =>
      /^[1-9]\d{0,3}$/.test(value) ? undefined : 'must be a number of days, from 1 to 9999',
  },
] as const satisfies readonly Setting[]

export type SettingName = (typeof SETTINGS)[number]['name']

export function isUuid(value: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(value)
}

/** Whether an entry of RELAY_EVENT_HOSTS is one: a host, any host, or an origin of this machine. */
export function isEventHost(entry: string): boolean {
  return entry === '*' || isReceiverOrigin(entry) || /^([a-z\d-]+\.)+[a-z][a-z\d-]*$/i.test(entry)
}

/** Whether it is the origin of a receiver on this machine, which only npm start can reach. */
export function isReceiverOrigin(entry: string): boolean {
  const url = URL.parse(entry)
  return url?.protocol === 'http:' && isLoopback(url.hostname) && isOriginUrl(entry)
}

/** Whether a URL is an https origin and no more; http is taken for this machine only. */
export function isOriginUrl(value: string): boolean {
  const url = URL.parse(value)
  if (url?.pathname !== '/' || url.search || url.hash || url.username) return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}

/** The entries of a list that is separated by commas. */
export function splitList(value: string): string[] {
  return value
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)
}

/**
 * An entry of RELAY_ALLOWED_ORIGINS as browsers send it in `Origin`; undefined for one that is not
 * an origin. Apps have schemes of their own, such as `app://obsidian.md`, which URL calls opaque.
 */
export function parseOrigin(entry: string): string | undefined {
  if (!/^[a-z][a-z\d+.-]*:\/\/[^/?#@*\s]+\/?$/i.test(entry)) return undefined
  const url = URL.parse(entry)
  if (!url) return undefined
  return url.origin === 'null' ? entry.toLowerCase().replace(/\/$/, '') : url.origin
}
