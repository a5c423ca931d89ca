import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { formatClaudeCommand, formatMcpJson } from '../../../scripts/lib/client-lines.ts'

const URL = 'http://127.0.0.1:8787/mcp'

/** The arguments that the shell passes to `claude` when the line is pasted. */
function paste(line: string, environment: Record<string, string> = {}): string[] {
  const script = `claude() { printf '%s\\0' "$@"; }\n${line}`
  const env = { PATH: process.env.PATH ?? '', ...environment }
  return execFileSync('/bin/sh', ['-c', script], { env, encoding: 'utf8' }).split('\0').slice(0, -1)
}

test.each(['a-plain-key', 'qx"$(id)`id`!\\x', "it's", '$HOME'])(
  'the line with the key %s can be pasted',
  (key) => {
    expect(paste(formatClaudeCommand(URL, key)).slice(-3)).toEqual([
      URL,
      '--header',
      `Authorization: Bearer ${key}`,
    ])
  },
)

test('without the key, the shell fills it in', () => {
  const line = formatClaudeCommand(URL, undefined)
  expect(paste(line, { RELAY_KEY: 'from-here' }).at(-1)).toBe('Authorization: Bearer from-here')
  expect(JSON.parse(formatMcpJson(URL, undefined)).mcpServers.relay.headers).toEqual({
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Claude Code replaces it.
    Authorization: 'Bearer ${RELAY_KEY}',
  })
})
