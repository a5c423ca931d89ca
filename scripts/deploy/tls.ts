/**
 * Verifies the identity of a database before a password is sent. Supabase signs its certificates with
 * its own roots, which are in supabase-root-certificates.pem. Other databases need a certificate that
 * this machine trusts; NODE_EXTRA_CA_CERTS can add one.
 */
import { readFileSync } from 'node:fs'
import { type ConnectionOptions, checkServerIdentity, getCACertificates } from 'node:tls'

const FILE = new URL('supabase-root-certificates.pem', import.meta.url)

/** Reads Supabase's root certificates, each in PEM. */
export function readSupabaseRoots(): string[] {
  return readFileSync(FILE, 'utf8').match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? []
}

/** Creates TLS options that refuse any server without a valid certificate for `host`. */
export function createTlsOptions(host: string): ConnectionOptions {
  return {
    ca: [...readSupabaseRoots(), ...getCACertificates('default')],
    rejectUnauthorized: true,
    // pg passes no host name for an IP address, and Node would then check for "localhost".
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
  }
}

/** Explains a connection that failed over the server's identity; undefined for any other failure. */
export function explainIdentity({ code = '', message }: NodeJS.ErrnoException): string | undefined {
  if (/CERT|SELF_SIGNED|VERIFY|ISSUER|ALTNAME/.test(code)) {
    return (
      `The database could not prove its identity (${code}), so the password was not sent. Check the host ` +
      'in the connection string and try another network. For a database of your own, set ' +
      'NODE_EXTRA_CA_CERTS to its root certificate.'
    )
  }
  if (/does not support SSL/.test(message)) {
    return 'The database offers no TLS, so the password was not sent. Check the host and port in the connection string.'
  }
  return undefined
}
