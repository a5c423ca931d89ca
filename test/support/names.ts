/**
 * Loaded into a command under test before its own code: makes names of Cloudflare and Supabase resolve,
 * and sends requests to them to startInternet(), with the name in a header, since fetch cannot set a Host.
 */
import dns from 'node:dns/promises'
import { syncBuiltinESMExports } from 'node:module'

const NAMES = /\.(workers\.dev|supabase\.co)$|^api\.supabase\.com$/

const lookUp = dns.lookup
dns.lookup = ((name: string, options: object) =>
  NAMES.test(name)
    ? Promise.resolve([{ address: '127.0.0.1', family: 4 }])
    : lookUp(name, options)) as typeof dns.lookup
syncBuiltinESMExports()

const direct = globalThis.fetch

globalThis.fetch = async (input, init) => {
  const request = new Request(input, init)
  const { hostname, host, pathname, search } = new URL(request.url)
  if (!NAMES.test(hostname)) return direct(input, init)
  const there = `http://127.0.0.1:${process.env.INTERNET_PORT}${pathname}${search}`
  const redirected = new Request(there, request)
  redirected.headers.set('x-host', host)
  return direct(redirected)
}
