/**
 * Writes workerd's configuration, in Cap'n Proto's syntax: the relay's Worker with its bindings, the
 * replacements for Cloudflare's rate limits and clock, and the networks the Worker may reach.
 */
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { isReceiverOrigin, splitList } from '../../../src/settings-table.ts'
import { PROJECT } from '../../lib/project.ts'
import { DOCTOR_ORIGIN } from '../doctor-receiver.ts'
import type { Bundle } from './bundle.ts'

/** Modules that run inside workerd next to the relay; each file explains why. */
const [CLOCK, DATED, RATE_LIMIT] = ['clock.js', 'dated.js', 'rate-limit.js'].map((name) =>
  readFileSync(new URL(name, import.meta.url), 'utf8'),
) as [string, string, string]

/** The board's files, where the build that wrangler.toml names puts them. */
const ASSETS = join(PROJECT, 'dist')

export interface Configuration {
  bundle: Bundle
  /** The settings of the Worker. Only their names are written; values come from the environment. */
  bindings: Record<string, string>
  /** Whether Cloudflare sets `CF-Connecting-IP`, so that callers cannot. */
  trustsConnectingIp?: boolean
  /** The folder with the static assets; those that the build makes by default. */
  assets?: string
  /** The Unix socket at which the doctor receives events, if it may. */
  doctorSocket?: string | undefined
  /** The header in which a TLS proxy names the protocol; without it, every request counts as http. */
  protocolHeader?: string
}

/** Takes a Worker and its settings; returns a configuration that listens only on loopback. */
export function configure({
  bundle,
  bindings,
  trustsConnectingIp = false,
  protocolHeader,
  assets = ASSETS,
  doctorSocket,
}: Configuration): string {
  const http = protocolHeader ? `forwardedProtoHeader = ${quote(protocolHeader)}` : ''
  const bound = Object.keys(bindings).map(
    (name) => `(name = ${quote(name)}, fromEnvironment = ${quote(name)})`,
  )
  const limits = bundle.rateLimits.map(
    ({ name, simple }) =>
      `(name = ${quote(name)}, wrapped = (moduleName = "relay:rate-limit", innerBindings = [` +
      `(name = "simple", json = ${quote(JSON.stringify(simple))}), ` +
      `(name = "trusted", json = "${trustsConnectingIp}")]))`,
  )
  const flags = bundle.compatibilityFlags.map(quote)
  const database = formatDatabase(bindings)
  const services = ['(name = "ASSETS", service = "assets")']
  if (database) services.push('(name = "DATABASE", service = "database")')
  const external = listReceivers(bindings, doctorSocket).map(([origin, address], index) => {
    services.push(`(name = ${quote(origin)}, service = "receiver-${index}")`)
    return `\n    (name = "receiver-${index}", external = (address = ${quote(address)}, http = ())),`
  })
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "relay", worker = .relay),
    (name = "clock", worker = .clock),
    (name = "assets", disk = (path = ${quote(assets)})),
    ${formatInternet()},${database}${external.join('')}
  ],
  extensions = [(modules = [
    (name = "relay:rate-limit", internal = true, esModule = ${quote(RATE_LIMIT)}),
  ])],
  sockets = [
    (name = "relay", address = "127.0.0.1:0", http = (${http}), service = "relay"),
    (name = "clock", address = "127.0.0.1:0", http = (), service = "clock"),
  ],
);
const relay :Workerd.Worker = (
  modules = [
    (name = "dated.js", esModule = ${quote(DATED)}),
    (name = "relay", esModule = ${quote(bundle.source)}),
  ],
  compatibilityDate = ${quote(bundle.compatibilityDate)},
  compatibilityFlags = [${flags}],
  bindings = [${[...bound, ...limits, ...services]}],
  globalOutbound = "internet",
);
const clock :Workerd.Worker = (
  modules = [(name = "clock.js", esModule = ${quote(CLOCK)})],
  compatibilityDate = ${quote(bundle.compatibilityDate)},
  compatibilityFlags = ["service_binding_extra_handlers"],
  bindings = [(name = "RELAY", service = "relay")],
);
`
}

/** The receivers of events on this machine: origins with the addresses that they are bound to. */
function listReceivers(
  { RELAY_EVENT_HOSTS = '' }: Record<string, string>,
  doctorSocket: string | undefined,
): [string, string][] {
  const origins = splitList(RELAY_EVENT_HOSTS).filter(isReceiverOrigin)
  const receivers = origins.map((each): [string, string] => {
    const { origin, host, port } = new URL(each)
    return [origin, port ? host : `${host}:80`]
  })
  return doctorSocket ? [...receivers, [DOCTOR_ORIGIN, `unix:${doctorSocket}`]] : receivers
}

/**
 * The one server outside the public internet that the relay may reach: its database, if that may be on
 * this machine or its network. Strangers cannot choose the name of a project at supabase.co, so where
 * this network has a translator or a proxy for all names, the relay reaches it through that.
 */
function formatDatabase({ SUPABASE_URL = '' }: Record<string, string>): string {
  const url = URL.parse(SUPABASE_URL)
  if (!url) return ''
  if (/\.supabase\.co$/.test(url.hostname)) {
    return `\n    (name = "database", ${formatNetwork(listOwnNetworks())}),`
  }
  const protocol =
    url.protocol === 'https:'
      ? `https = (certificateHost = ${quote(url.hostname)}, tlsOptions = ${formatTls()})`
      : 'http = ()'
  return `\n    (name = "database", external = (address = ${quote(url.host)}, ${protocol})),`
}

/**
 * Networks that are not part of the internet, and ways to write an IPv4 address as IPv6, which a translator
 * or a tunnel in this network may lead inside. workerd itself counts them as public.
 */
const SPECIAL_NETWORKS = [
  '0.0.0.0/8',
  // Documentation (RFC 5737), the 6to4 relay (RFC 7526) and benchmarks (RFC 2544), which proxies use
  // for names that they resolve themselves.
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  // IPv4 within IPv6: compatible (RFC 4291), translated (RFC 2765), NAT64 (RFC 6052, RFC 8215), Teredo
  // (RFC 4380), 6to4 (RFC 3056).
  '::/96',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '2001::/32',
  '2002::/16',
  // Discard (RFC 6666), documentation (RFC 3849, RFC 9637), segments (RFC 9602), site-local (RFC 3879).
  '100::/64',
  '2001:db8::/32',
  '3fff::/20',
  '5f00::/16',
  'fec0::/10',
]

/** The networks that `fetch` reaches. Strangers choose the addresses of documents that it fetches. */
function formatInternet(): string {
  return `(name = "internet", ${formatNetwork([...SPECIAL_NETWORKS, ...listOwnNetworks()])})`
}

function formatNetwork(denied: string[]): string {
  const deny = denied.map(quote)
  return `network = (allow = ["public"], deny = [${deny}], tlsOptions = ${formatTls()})`
}

/**
 * Lists the networks of this machine. Most are private anyway, but a home has public IPv6 addresses, and
 * a server can reach itself by its public address, behind its own firewall.
 */
function listOwnNetworks(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return addresses.map(({ address, cidr, family }) => {
    const [widest, whole] = family === 'IPv4' ? [8, 32] : [32, 128]
    const isNarrow = Number(cidr?.split('/')[1]) >= widest
    // A tunnel may claim most of the internet as its network. Then only its own address is denied.
    return cidr && isNarrow ? cidr : `${address}/${whole}`
  })
}

/** Node's certificates, because the machine may have none. */
function formatTls(): string {
  return `(trustedCertificates = [${getCACertificates('default').map(quote)}])`
}

/** Quotes a string in Cap'n Proto's syntax. */
function quote(value: string): string {
  const escaped = value
    .replace(/[\\"]/g, '\\$&')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must be escaped.
    .replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return `"${escaped}"`
}
