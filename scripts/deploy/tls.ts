/**
 * How a database proves who it is before it is sent a password. Supabase signs its certificates
 * itself, with the roots in supabase-root-certificates.pem; other databases need one that this machine
 * trusts, which NODE_EXTRA_CA_CERTS can add to.
 */
import { readFileSync } from 'node:fs'
import { type ConnectionOptions, checkServerIdentity, getCACertificates } from 'node:tls'

const FILE = new URL('supabase-root-certificates.pem', import.meta.url)

/** Supabase's roots, each in PEM. */
export function readSupabaseRoots(): string[] {
  return readFileSync(FILE, 'utf8').match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? []
}

/** TLS options for the database at `host`: without a certificate for that name there is no connection. */
export function verifiedTls(host: string): ConnectionOptions {
  return {
    ca: [...readSupabaseRoots(), ...getCACertificates('default')],
    rejectUnauthorized: true,
    // pg names no host where it is an address, and Node would then check for "localhost".
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
  }
}

/** What a failed connection says about the other side's identity; undefined if it failed over else. */
export function faultOfIdentity({ code = '', message }: NodeJS.ErrnoException): string | undefined {
  if (/CERT|SELF_SIGNED|VERIFY|ISSUER|ALTNAME/.test(code)) {
    return (
      `The database could not prove who it is (${code}), so the password was not sent. Check the host ` +
      'in the connection string, and try another network. If the database is your own, name its root ' +
      'certificate in NODE_EXTRA_CA_CERTS.'
    )
  }
  if (/does not support SSL/.test(message)) {
    return 'The database offers no TLS, so the password was not sent. Check the host and port in the connection string.'
  }
  return undefined
}
