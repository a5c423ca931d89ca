/**
 * The Worker's settings: `Env`, as Cloudflare hands it over, parsed once into `Config`. What is wrong
 * with a setting is data, so that /health and the endpoint can say it; a value is never repeated.
 */
import * as z from 'zod/mini'

/** What a complete deployment has. */
export interface Config {
  apiKey: string
  /** The key before this one, still accepted while clients are being changed. */
  previousApiKey: string | undefined
  supabaseUrl: string
  supabaseServiceKey: string
  userId: string
  /** The origin by which clients reach the relay, where that is not the request's own. */
  publicUrl: string | undefined
  /** Origins of browser pages that may call the relay, beside its own. */
  allowedOrigins: ReadonlySet<string>
  /** Host names the relay answers to; undefined where the platform routes by host. */
  hosts: ReadonlySet<string> | undefined
}

/** A setting that is missing or malformed, and a sentence that says so. */
export interface ConfigFault {
  setting: string
  message: string
}

export type ConfigResult = { ok: true; config: Config } | { ok: false; faults: ConfigFault[] }

const setting = (isGood: (value: string) => boolean, rule: string) =>
  z.string('is missing').check(z.minLength(1, 'is missing'), z.refine(isGood, rule))

const list = z.pipe(
  z.optional(z.string()),
  z.transform((value) =>
    value
      ?.split(',')
      .map((item) => item.trim())
      .filter(Boolean),
  ),
)

const Env = z.object({
  RELAY_API_KEY: setting(isTrimmed, 'has white space around it'),
  RELAY_API_KEY_PREVIOUS: z.optional(setting(isTrimmed, 'has white space around it')),
  SUPABASE_URL: setting(
    isBareUrl,
    'must be the project URL, such as https://abcdefgh.supabase.co, without a path',
  ),
  SUPABASE_SERVICE_KEY: z.string('is missing').check(
    z.minLength(1, 'is missing'),
    z.refine(
      (key) => !isPublicKey(key),
      'is the publishable (anon) key; the relay needs the secret (service_role) key',
    ),
    z.refine(
      (key) => isPublicKey(key) || isServiceKey(key),
      'must be a key that starts with sb_secret_, or the legacy service_role key',
    ),
  ),
  RELAY_USER_ID: setting(
    (id) => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(id),
    'must be a UUID',
  ),
  RELAY_PUBLIC_URL: z.optional(
    z
      .string()
      .check(
        z.refine(isBareUrl, 'must be an origin such as https://relay.example.com, without a path'),
      ),
  ),
  RELAY_ALLOWED_ORIGINS: list.check(
    z.refine(
      (origins) => (origins ?? []).every(isOrigin),
      'must be origins such as https://example.com, separated by commas',
    ),
  ),
  /** Set by `npm start`, against DNS rebinding. */
  RELAY_HOSTS: list,
})

/** Parses the Worker's environment. */
export function readConfig(env: unknown): ConfigResult {
  const parsed = Env.safeParse(env)
  if (!parsed.success) {
    return {
      ok: false,
      faults: parsed.error.issues.map((issue) => {
        const name = String(issue.path[0])
        return { setting: name, message: `${name} ${issue.message}.` }
      }),
    }
  }
  const settings = parsed.data
  return {
    ok: true,
    config: {
      apiKey: settings.RELAY_API_KEY,
      previousApiKey: settings.RELAY_API_KEY_PREVIOUS,
      supabaseUrl: new URL(settings.SUPABASE_URL).origin,
      supabaseServiceKey: settings.SUPABASE_SERVICE_KEY,
      userId: settings.RELAY_USER_ID,
      publicUrl: settings.RELAY_PUBLIC_URL && new URL(settings.RELAY_PUBLIC_URL).origin,
      allowedOrigins: new Set(settings.RELAY_ALLOWED_ORIGINS),
      hosts: settings.RELAY_HOSTS && new Set(settings.RELAY_HOSTS),
    },
  }
}

function isTrimmed(key: string): boolean {
  return key === key.trim()
}

/** An https URL that is an origin and no more; http on this machine alone. */
function isBareUrl(value: string): boolean {
  const url = URL.parse(value)
  if (url?.pathname !== '/' || url.search || url.hash || url.username) return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}

/** Whether a host name is this machine's own. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

function isOrigin(value: string): boolean {
  return URL.parse(value)?.origin === value
}

function isServiceKey(key: string): boolean {
  return /^sb_secret_\S+$/.test(key) || roleOfLegacyKey(key) === 'service_role'
}

function isPublicKey(key: string): boolean {
  return key.startsWith('sb_publishable_') || roleOfLegacyKey(key) === 'anon'
}

/** The role in a legacy key, a JWT; it is read, not verified: Supabase does that. */
function roleOfLegacyKey(key: string): unknown {
  const [, payload, signature] = key.split('.')
  if (!payload || !signature) return undefined
  try {
    return JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))).role
  } catch {
    return undefined
  }
}
