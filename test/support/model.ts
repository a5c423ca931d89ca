/**
 * startModel(): a stand-in on loopback for the model behind Claude Code, which speaks enough of
 * Anthropic's Messages API for the real client. A test scripts its turns and reads its requests.
 */
import type { ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { listen } from './server.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests state what they expect by asserting it.
type Json = any

/** A request for a turn: `system`, `messages` and `tools`, as the client sends them. */
export interface Turn {
  body: Json
  /** All that the model reads, in one text: the system prompt and every message. */
  text: string
  /** The news since the model's last answer: prompts, notes of hooks, results of tools. */
  latest: string
  /** The results of tools among that, as they are: empty if there are none. */
  result: string
}

export type Block =
  | { type: 'text'; text: string }
  | { type: 'tool_use'; name: string; input: Record<string, unknown> }

/** The model's answer to a turn. */
export type Script = (turn: Turn, number: number) => Block[]

export const say = (text: string): Block[] => [{ type: 'text', text }]
export const use = (name: string, input: Record<string, unknown> = {}): Block[] => [
  { type: 'tool_use', name, input },
]

export type Model = Awaited<ReturnType<typeof startModel>>

export async function startModel(script: Script = () => say('Done.')) {
  const server = await listen(async (request, response) => {
    const [path] = (request.url ?? '').split('?')
    const body = JSON.parse((await text(request)) || '{}')
    if (path === '/v1/messages/count_tokens') {
      response.end(JSON.stringify({ input_tokens: 1 }))
    } else if (path !== '/v1/messages') {
      response.writeHead(404).end('{}')
    } else if (!body.tools?.length) {
      // Only the conversation itself has tools.
      answer(response, body, say('{"title": "A test"}'))
    } else {
      const turn = readTurn(body)
      model.turns.push(turn)
      answer(response, body, model.script(turn, model.turns.length))
    }
  })
  const model = {
    ...server,
    /** The turns of the conversation, without the client's own small questions, such as for a title. */
    turns: [] as Turn[],
    /** Replaces the script. */
    script,
  }
  return model
}

function readTurn(body: Json): Turn {
  const join = (messages: Json[]) => messages.map(({ content }) => flatten(content)).join('\n')
  const answered = body.messages.findLastIndex(({ role }: Json) => role === 'assistant')
  const newest = body.messages.slice(answered + 1)
  const blocks = newest.flatMap(({ content }: Json) => (Array.isArray(content) ? content : []))
  const results = blocks.filter(({ type }: Json) => type === 'tool_result')
  return {
    body,
    text: `${flatten(body.system)}\n${join(body.messages)}`,
    latest: join(newest),
    result: results.map(({ content }: Json) => flatten(content)).join('\n'),
  }
}

function flatten(content: Json): string {
  if (!Array.isArray(content)) return typeof content === 'string' ? content : ''
  return content.map((block) => block.text ?? flatten(block.content)).join('\n')
}

let ids = 0

function answer(response: ServerResponse, { model, stream }: Json, blocks: Block[]): void {
  ids += 1
  const content = blocks.map((block, index) =>
    block.type === 'tool_use' ? { ...block, id: `toolu_${ids}_${index}` } : block,
  )
  const stop_reason = blocks.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn'
  const usage = { input_tokens: 1, output_tokens: 1 }
  const message = { id: `msg_${ids}`, type: 'message', role: 'assistant', model, usage }
  if (!stream) {
    const whole = { ...message, content, stop_reason, stop_sequence: null }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(whole))
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const send = (type: string, data: object) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)
  send('message_start', {
    message: { ...message, content: [], stop_reason: null, stop_sequence: null },
  })
  for (const [index, block] of content.entries()) {
    const isText = block.type === 'text'
    const content_block = isText ? { type: 'text', text: '' } : { ...block, input: {} }
    const delta = isText
      ? { type: 'text_delta', text: block.text }
      : { type: 'input_json_delta', partial_json: JSON.stringify(block.input) }
    send('content_block_start', { index, content_block })
    send('content_block_delta', { index, delta })
    send('content_block_stop', { index })
  }
  send('message_delta', { delta: { stop_reason, stop_sequence: null }, usage })
  send('message_stop', {})
  response.end()
}
