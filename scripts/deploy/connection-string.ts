/** Parses and checks a PostgreSQL connection string, as Supabase shows it and people fill it in. */
import type { ClientConfig } from 'pg'
import { isLoopback } from '../../src/loopback.ts'
import { projectRef } from './supabase.ts'
import { createTlsOptions } from './tls.ts'

interface Parts {
  user: string
  password: string
  host: string
  port: number
  database: string
  options: URLSearchParams
}

/** Also matches a password with characters that a URL would have to encode. */
const FORM =
  /^postgres(?:ql)?:\/\/(?<user>[^:@/]+):(?<password>.*)@(?<host>\[[^\]]+\]|[^@:/?#]+)(?::(?<port>\d+))?\/(?<database>[^?]+)(?:\?(?<options>.*))?$/

/** Returns the fault of the connection string that a person entered; undefined if it is valid. */
export function faultOfConnectionString(answer: string, projectUrl: string): string | undefined {
  if (/\[[A-Z-]*PASSWORD\]/i.test(answer)) {
    return 'Replace [YOUR-PASSWORD] with the password of the database.'
  }
  const parts = partsOf(answer)
  if (!parts) {
    return 'It must look like postgresql://postgres.abcdefgh:PASSWORD@….pooler.supabase.com:5432/postgres.'
  }
  if (parts.options.get('sslmode') === 'disable' && !isOnThisMachine(parts.host)) {
    return 'With sslmode=disable the password would be sent unprotected: remove it.'
  }
  const ref = projectRef(projectUrl)
  const [, own = parts.user.split('.')[1]] = /^db\.([a-z0-9]+)\./.exec(parts.host) ?? []
  if (ref && isSupabase(parts.host) && own !== ref) {
    return own
      ? `This is the database of another project, ${own}.`
      : `The user must be postgres.${ref}, as the dashboard shows it.`
  }
  return undefined
}

/** Turns a valid connection string into options for pg. */
export function connectionOf(answer: string): ClientConfig {
  const { host, port, options: _, ...who } = partsOf(answer) as Parts
  return {
    ...who,
    host,
    // On port 6543 the pooler may switch connections after each transaction; on 5432 it does not.
    port: isSupabase(host) && port === 6543 ? 5432 : port,
    // Loopback cannot be intercepted.
    ssl: isOnThisMachine(host) ? false : createTlsOptions(host),
  }
}

/** Takes a host without the brackets and the lower case that a URL would have given it. */
function isOnThisMachine(host: string): boolean {
  return isLoopback(host.includes(':') ? `[${host}]` : host.toLowerCase())
}

function isSupabase(host: string): boolean {
  return /\.supabase\.(co|com)$/.test(host)
}

function partsOf(answer: string): Parts | undefined {
  const { groups } = FORM.exec(answer) ?? {}
  if (!groups) return undefined
  const { user = '', password = '', host = '', port = '5432', database = '' } = groups
  return {
    user: decode(user),
    password: decode(password),
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(port),
    database,
    options: new URLSearchParams(groups.options),
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
