/**
 * workerd's configuration, in Cap'n Proto's syntax: the relay's Worker with its bindings, what stands
 * in for Cloudflare's bindings and clock, and where the Worker may send requests.
 */
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { getCACertificates } from 'node:tls'
import type { Bundle } from './bundle.ts'

/** What runs inside workerd next to the relay; each file says why. */
const [CLOCK, OUTBOUND, RATE_LIMIT] = ['clock.js', 'outbound.js', 'rate-limit.js'].map((name) =>
  readFileSync(new URL(name, import.meta.url), 'utf8'),
) as [string, string, string]

export interface Configuration {
  bundle: Bundle
  /** The settings of the Worker. Only their names are written here; values come from the environment. */
  bindings: Record<string, string>
  /** Whether `CF-Connecting-IP` is set by Cloudflare, and not by any caller. */
  trustsConnectingIp?: boolean
  /** The header by which a proxy that ends TLS says so; without it every request came by plain http. */
  protocolHeader?: string
}

/** Takes a Worker and its settings; gives the text of a configuration that listens on loopback only. */
export function configure({
  bundle,
  bindings,
  trustsConnectingIp = false,
  protocolHeader,
}: Configuration): string {
  const http = protocolHeader ? `forwardedProtoHeader = ${text(protocolHeader)}` : ''
  const bound = Object.keys(bindings).map(
    (name) => `(name = ${text(name)}, fromEnvironment = ${text(name)})`,
  )
  const limits = bundle.rateLimits.map(
    ({ name, simple }) =>
      `(name = ${text(name)}, wrapped = (moduleName = "relay:rate-limit", innerBindings = [` +
      `(name = "simple", json = ${text(JSON.stringify(simple))}), ` +
      `(name = "trusted", json = "${trustsConnectingIp}")]))`,
  )
  const flags = bundle.compatibilityFlags.map(text)
  const network = networkOf(bindings)
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "relay", worker = .relay),
    (name = "clock", worker = .clock),
    ${network.services},
  ],
  extensions = [(modules = [
    (name = "relay:rate-limit", internal = true, esModule = ${text(RATE_LIMIT)}),
  ])],
  sockets = [
    (name = "relay", address = "127.0.0.1:0", http = (${http}), service = "relay"),
    (name = "clock", address = "127.0.0.1:0", http = (), service = "clock"),
  ],
);
const relay :Workerd.Worker = (
  modules = [(name = "index.js", esModule = ${text(bundle.source)})],
  compatibilityDate = ${text(bundle.compatibilityDate)},
  compatibilityFlags = [${flags}],
  bindings = [${[...bound, ...limits]}],
  globalOutbound = "${network.outbound}",
);
const clock :Workerd.Worker = (
  modules = [(name = "clock.js", esModule = ${text(CLOCK)})],
  compatibilityDate = ${text(bundle.compatibilityDate)},
  compatibilityFlags = ["service_binding_extra_handlers"],
  bindings = [(name = "RELAY", service = "relay")],
);
const outbound :Workerd.Worker = (
  modules = [(name = "outbound.js", esModule = ${text(OUTBOUND)})],
  compatibilityDate = ${text(bundle.compatibilityDate)},
  bindings = [
    (name = "databaseOrigin", text = ${text(network.databaseOrigin)}),
    (name = "database", service = "database"),
    (name = "internet", service = "internet"),
  ],
);
`
}

/**
 * Where the relay's requests go. A project at supabase.co is part of the public internet. Any other
 * database may be on this machine or near it, so a Worker in between lets through only its origin.
 */
function networkOf({ SUPABASE_URL = '' }: Record<string, string>) {
  const url = URL.parse(SUPABASE_URL)
  const isPublic = /\.supabase\.co$/.test(url?.hostname ?? '')
  const services = [network('internet', ['public'], ownNetworks())]
  if (!isPublic) {
    services.push(
      network('database', ['public', 'private']),
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
 * The networks that this machine is in. Most are private anyway, but a home has public IPv6 addresses,
 * and a server reaches itself by its public address behind its own firewall.
 */
function ownNetworks(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return addresses.map(({ address, cidr, family }) => {
    const [widest, whole] = family === 'IPv4' ? [8, 32] : [32, 128]
    const isNarrow = Number(cidr?.split('/')[1]) >= widest
    // A tunnel may claim most of the internet as its network; then only its own address is denied.
    return cidr && isNarrow ? cidr : `${address}/${whole}`
  })
}

function network(name: string, allow: string[], deny: string[] = []): string {
  // Node's certificates, for a machine without any.
  const certificates = getCACertificates('default').map(text)
  return (
    `(name = "${name}", network = (allow = [${allow.map(text)}], deny = [${deny.map(text)}], ` +
    `tlsOptions = (trustedCertificates = [${certificates}])))`
  )
}

/** A string in Cap'n Proto's syntax. */
function text(value: string): string {
  const escaped = value
    .replace(/[\\"]/g, '\\$&')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must be escaped.
    .replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return `"${escaped}"`
}
