/**
 * Asks the relay what is unread, and prints one line if some of it has not been told to this session.
 * user-prompt.mjs decides when, and enforces the time limit. Arguments as for news.mjs.
 */
import { parseArgs } from 'node:util'
import { callTool, findConnection, Refusal, readerTag } from './relay.mjs'
import { readTold, writeTold } from './state.mjs'
import { findNews, peekFor, writeLine } from './unread.mjs'

const { values: options } = parseArgs({
  options: { url: { type: 'string' }, data: { type: 'string' } },
})
const session = process.env.CLAUDE_CODE_SESSION_ID
const reader = readerTag()

try {
  const relay = findConnection(options.url)
  const answer = await callTool(relay, 'relay-prompt', 'relay_check_new', peekFor(reader))
  const { news, told } = findNews(answer, reader, readTold(options.data, session))
  const isKept = writeTold(options.data, session, { ...told, askedAt: Date.now(), failures: 0 })
  // What cannot be remembered as told would be told again with every prompt.
  if (isKept && news.length > 0) process.stdout.write(`${writeLine(news, reader)}\n`)
} catch (error) {
  if (!(error instanceof Refusal)) throw error
}
