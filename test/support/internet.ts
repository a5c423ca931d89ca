/**
 * startInternet(): makes a command under test reach the stand-ins under the host names of Cloudflare and
 * Supabase. Its requests to such a name go to the address that `find` returns, with the same Host.
 */
import { once } from 'node:events'
import { createServer, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

const NAMES = fileURLToPath(new URL('names.ts', import.meta.url))

export interface Internet extends AsyncDisposable {
  /** For the command and its child processes. */
  environment: Record<string, string>
}

export async function startInternet(find: (host: string) => string | undefined): Promise<Internet> {
  const server = createServer((request, response) => {
    const target = find(request.headers.host ?? '')
    if (!target) {
      response.destroy()
      return
    }
    const { method } = request
    // Cloudflare's edge terminates TLS and says that a request came over it.
    const headers = { ...request.headers, 'x-forwarded-proto': 'https' }
    const passed = send(new URL(request.url as string, target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode as number, answer.headers)
      answer.pipe(response)
    })
    passed.on('error', () => response.destroy())
    request.pipe(passed)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    environment: {
      NODE_OPTIONS: `--import ${NAMES}`,
      INTERNET_PORT: `${(server.address() as AddressInfo).port}`,
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}
