/**
 * A process that calls a Worker's tools, many at a time. A process of its own, so that making requests
 * neither slows down the parts that are measured nor counts among their CPU time.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const FILE = fileURLToPath(import.meta.url)

export interface Burst {
  url: string
  key: string
  tool: string
  args: Record<string, unknown>
  /** Replaces `#` in the arguments by 1 to this, in turn, and `%` by the number of the caller. */
  variety: number
  /** How many calls are made, and how many at a time. */
  count: number
  width: number
}

export interface BurstTimes {
  seconds: number
  /** The answers that were not a result. */
  refusals: string[]
}

export interface Caller {
  run(burst: Burst): Promise<BurstTimes>
  stop(): void
}

/** Starts the process. */
export function startCaller(): Caller {
  const child = fork(FILE, ['caller'])
  return {
    async run(burst) {
      child.send(burst)
      const [times] = await once(child, 'message')
      return times as BurstTimes
    },
    stop: () => child.kill(),
  }
}

const agent = new Agent({ keepAlive: true })

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

async function send({ url, key, tool }: Burst, args: unknown): Promise<string> {
  const params = { _meta: META, name: tool, arguments: args }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': tool,
  }
  const sent = request(`${url}/mcp`, { agent, method: 'POST', headers })
  sent.end(body)
  const [response] = await once(sent, 'response')
  return text(response)
}

async function run(burst: Burst): Promise<BurstTimes> {
  const { count, width, args, variety } = burst
  const template = JSON.stringify(args)
  const refusals: string[] = []
  let next = 0
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: width }, async (_, lane) => {
      while (next < count) {
        const n = (next++ % variety) + 1
        const varied = template.replaceAll('#', String(n)).replaceAll('%', String(lane + 1))
        const answer = await send(burst, JSON.parse(varied))
        if (!answer.includes('"result"') || answer.includes('"isError"')) refusals.push(answer)
      }
    }),
  )
  return { seconds: (performance.now() - startedAt) / 1000, refusals }
}

if (process.argv[2] === 'caller') {
  process.on('message', async (burst: Burst) => process.send?.(await run(burst)))
  process.on('disconnect', () => process.exit())
}
