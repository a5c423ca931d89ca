/**
 * The same six tools, settings, key check, log line and database behind the official server SDK instead
 * of src/mcp, so that the difference is the cost of the dispatch. It has no OAuth, and none of the checks
 * that come before the endpoint.
 */
import { createMcpHandler, type Tool as McpTool, Server } from '@modelcontextprotocol/server'
import { authenticate, KEY_HOLDER } from '../../src/auth.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { INSTRUCTIONS } from '../../src/context/instructions.ts'
import { connect, Database } from '../../src/db.ts'
import { RequestLog } from '../../src/log.ts'
import { SERVER_INFO } from '../../src/mcp/protocol.ts'
import { siteOf } from '../../src/oauth/issuer.ts'
import { MAX_MESSAGE_BYTES } from '../../src/tools/budget.ts'
import { TOOLS } from '../../src/tools/index.ts'

let client: ReturnType<typeof connect> | undefined

function createServer(config: Config, fetcher: Fetcher, log: RequestLog, signal: AbortSignal) {
  client ??= connect(config.supabaseUrl, config.supabaseServiceKey, fetcher)
  const context = {
    db: new Database(client, config.userId, log).for(KEY_HOLDER),
    call: { signal: () => signal, isOver: () => signal.aborted },
    budget: { bytes: MAX_MESSAGE_BYTES },
    isBatch: false,
    caller: KEY_HOLDER,
    app: undefined,
    readAsset: undefined,
    origin: '',
    notifyFor: undefined,
    events: { config, receivers: () => undefined, countVerification: async () => true },
    isLean: false,
  }
  const options = { capabilities: { tools: {} }, instructions: INSTRUCTIONS }
  const server = new Server(SERVER_INFO, options)
  server.setRequestHandler('tools/list', () => ({
    tools: TOOLS.map((tool) => tool.definition() as McpTool),
  }))
  server.setRequestHandler('tools/call', async ({ params: { name, arguments: args = {} } }) => {
    const tool = TOOLS.find((candidate) => candidate.name === name)
    if (!tool) throw new Error(`Unknown tool: ${name}`)
    return tool.call(args, context)
  })
  return server
}

export default {
  async fetch(request, env) {
    const log = new RequestLog()
    const settings = readConfig(env)
    if (!settings.ok) return new Response(null, { status: 500 })
    const { config } = settings
    const { ok } = await authenticate(request, config, siteOf(config, new URL(request.url)))
    if (!ok) return new Response(null, { status: 401 })
    const handler = createMcpHandler(() => createServer(config, env.DATABASE, log, request.signal))
    const response = await handler.fetch(request)
    log.addStatus(response.status)
    log.write('request')
    return response
  },
} satisfies ExportedHandler<{ DATABASE: Fetcher }>
