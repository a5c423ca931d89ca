/**
 * Writes workerd's configuration, in Cap'n Proto's syntax: the relay's Worker with its bindings, the
 * replacements for Cloudflare's rate limits and clock, and where the Worker may send requests.
 */
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { PROJECT } from '../../lib/project.ts'
import type { Bundle } from './bundle.ts'

/** What runs inside workerd next to the relay; each file explains why. */
const [CLOCK, OUTBOUND, RATE_LIMIT] = ['clock.js', 'outbound.js', 'rate-limit.js'].map((name) =>
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
  const network = createNetwork(bindings)
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "relay", worker = .relay),
    (name = "clock", worker = .clock),
    (name = "assets", disk = (path = ${quote(assets)})),
    ${network.services},
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
  modules = [(name = "index.js", esModule = ${quote(bundle.source)})],
  compatibilityDate = ${quote(bundle.compatibilityDate)},
  compatibilityFlags = [${flags}],
  bindings = [${[...bound, ...limits, '(name = "ASSETS", service = "assets")']}],
  globalOutbound = "${network.outbound}",
);
const clock :Workerd.Worker = (
  modules = [(name = "clock.js", esModule = ${quote(CLOCK)})],
  compatibilityDate = ${quote(bundle.compatibilityDate)},
  compatibilityFlags = ["service_binding_extra_handlers"],
  bindings = [(name = "RELAY", service = "relay")],
);
const outbound :Workerd.Worker = (
  modules = [(name = "outbound.js", esModule = ${quote(OUTBOUND)})],
  compatibilityDate = ${quote(bundle.compatibilityDate)},
  bindings = [
    (name = "databaseOrigin", text = ${quote(network.databaseOrigin)}),
    (name = "database", service = "database"),
    (name = "internet", service = "internet"),
  ],
);
`
}

/**
 * Decides where the relay may send requests. A project at supabase.co is on the public internet. Any
 * other database may be on this machine or its network, so a Worker in between allows only its origin.
 */
function createNetwork({ SUPABASE_URL = '' }: Record<string, string>) {
  const url = URL.parse(SUPABASE_URL)
  const isPublic = /\.supabase\.co$/.test(url?.hostname ?? '')
  const services = [formatNetwork('internet', ['public'], listOwnNetworks())]
  if (!isPublic) {
    services.push(
      formatNetwork('database', ['public', 'private']),
      '(name = "outbound", worker = .outbound)',
    )
  }
  return {
    services: services.join(',\n    '),
    outbound: isPublic ? 'internet' : 'outbound',
    databaseOrigin: url?.origin ?? '',
  }
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

function formatNetwork(name: string, allow: string[], deny: string[] = []): string {
  // Node's certificates, because the machine may have none.
  const certificates = getCACertificates('default').map(quote)
  return (
    `(name = "${name}", network = (allow = [${allow.map(quote)}], deny = [${deny.map(quote)}], ` +
    `tlsOptions = (trustedCertificates = [${certificates}])))`
  )
}

/** Quotes a string in Cap'n Proto's syntax. */
function quote(value: string): string {
  const escaped = value
    .replace(/[\\"]/g, '\\$&')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must be escaped.
    .replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return `"${escaped}"`
}
