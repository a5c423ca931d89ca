/** A PostgreSQL connection string as Supabase shows it and people fill it in. */
import type { ClientConfig } from 'pg'
import { isLoopback } from '../../src/loopback.ts'
import { projectRef } from './supabase.ts'
import { verifiedTls } from './tls.ts'

interface Parts {
  user: string
  password: string
  host: string
  port: number
  database: string
  options: URLSearchParams
}

/** Also one whose password has the characters that a URL would have encoded. */
const FORM =
  /^postgres(?:ql)?:\/\/(?<user>[^:@/]+):(?<password>.*)@(?<host>\[[^\]]+\]|[^@:/?#]+)(?::(?<port>\d+))?\/(?<database>[^?]+)(?:\?(?<options>.*))?$/

/** What is wrong with an answer to the question for the connection string. */
export function faultOfConnectionString(answer: string, projectUrl: string): string | undefined {
  if (/\[[A-Z-]*PASSWORD\]/i.test(answer)) {
    return 'Replace [YOUR-PASSWORD] with the password of the database.'
  }
  const parts = partsOf(answer)
  if (!parts) {
    return 'It must look like postgresql://postgres.abcdefgh:PASSWORD@….pooler.supabase.com:5432/postgres.'
  }
  if (parts.options.get('sslmode') === 'disable' && !isHere(parts.host)) {
    return 'With sslmode=disable the password would travel unprotected: leave it out.'
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

/** How to connect by a string without fault. */
export function connectionOf(answer: string): ClientConfig {
  const { host, port, options: _, ...who } = partsOf(answer) as Parts
  return {
    ...who,
    host,
    // Behind 6543 a connection is another one after each transaction; behind 5432 it stays.
    port: isSupabase(host) && port === 6543 ? 5432 : port,
    // What travels on this machine passes nobody.
    ssl: isHere(host) ? false : verifiedTls(host),
  }
}

/** A host as sockets take it: IPv6 without the brackets that URLs have. */
function isHere(host: string): boolean {
  return isLoopback(host.includes(':') ? `[${host}]` : host)
}

function isSupabase(host: string): boolean {
  return /\.supabase\.(co|com)$/.test(host)
}

function partsOf(answer: string): Parts | undefined {
  const { groups } = FORM.exec(answer) ?? {}
  if (!groups) return undefined
  const { user = '', password = '', host = '', port = '5432', database = '' } = groups
  return {
    user: decoded(user),
    password: decoded(password),
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(port),
    database,
    options: new URLSearchParams(groups.options),
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
