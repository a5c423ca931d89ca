/** A receiver of webhooks on this machine, which proves itself and keeps what it gets. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { listen } from '../../support/server.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests state what they expect by asserting it.
type Json = any

interface Received {
  headers: IncomingHttpHeaders
  body: Json
  response: ServerResponse
}

export async function startReceiver() {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const got: Received[] = []
  let hold: ((received: Received) => void) | undefined
  const server = await listen(async (request, response) => {
    const body = (await json(request)) as Json
    if (body.type === 'verification') {
      response.end(JSON.stringify({ challenge: body.challenge }))
      return
    }
    const received = { headers: request.headers, body, response }
    got.push(received)
    if (!hold) response.end()
    hold?.(received)
    hold = undefined
  })
  return {
    ...server,
    got,
    delivery: { delivery: { mode: 'webhook', url: `${server.url}/hook`, secret } },
    /** Does not answer the next event; returns it. */
    hold: () =>
      new Promise<Received>((resolve) => {
        hold = resolve
      }),
    times: (id: string) => got.filter(({ headers }) => headers['webhook-id'] === id).length,
  }
}
