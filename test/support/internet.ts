/**
 * startInternet(): makes a command under test find the stand-ins under the names that Cloudflare and
 * Supabase give. What it fetches from such a name goes, name and all, to where `find` leads.
 */
import { once } from 'node:events'
import { createServer, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

const NAMES = fileURLToPath(new URL('names.ts', import.meta.url))

export interface Internet extends AsyncDisposable {
  /** For the command and what it starts. */
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
    // Cloudflare's edge ends TLS and says that a request came by it.
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
