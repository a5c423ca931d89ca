/**
 * startInternet(): makes a command under test reach the stand-ins under the host names of Cloudflare and
 * Supabase. Its requests to such a name go to the address that `find` returns, with the same Host.
 */
import { fileURLToPath } from 'node:url'
import { forward, listen } from './server.ts'

const NAMES = fileURLToPath(new URL('names.ts', import.meta.url))

export async function startInternet(find: (host: string) => string | undefined) {
  const server = await listen((request, response) => {
    const host = String(request.headers['x-host'])
    const target = find(host)
    // Cloudflare's edge terminates TLS and says that a request came over it.
    if (target) forward(request, response, target, { host, 'x-forwarded-proto': 'https' })
    else response.destroy()
  })
  return {
    ...server,
    /** For the command and its child processes. */
    environment: { NODE_OPTIONS: `--import ${NAMES}`, INTERNET_PORT: `${server.port}` },
  }
}
