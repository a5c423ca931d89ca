/** Formats the Worker's JSON log lines for a person: time, request and outcome. */

/** Formats a line of the Worker's output; returns anything that is not a log line unchanged. */
export function formatLogLine(line: string): string {
  const fields = parse(line)
  if (!fields) return line
  const { time, event, method, path, rpc_method, tool, client, status, outcome } = fields
  const asked = [method ?? event, path, tool ?? rpc_method].filter(Boolean).join(' ')
  const why = [fields.error_code, outcome === 'failed' && fields.reason].filter(Boolean).join(': ')
  const database = fields.db_ms === undefined ? '' : ` (database ${fields.db_ms})`
  const printed = [
    new Date(String(time)).toTimeString().slice(0, 8),
    asked,
    status,
    why ? `${outcome} ${why}` : outcome,
    `${fields.duration_ms} ms${database}`,
    client,
    outcome === 'failed' && fields.request_id,
  ]
    .filter(Boolean)
    .join('  ')
  return makePrintable(printed)
}

/** Replaces characters that would start a line or move the cursor: callers choose methods and names. */
export function makePrintable(text: string): string {
  return text.replaceAll(UNPRINTABLE, '\ufffd')
}

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const fields = JSON.parse(line)
    return typeof fields.duration_ms === 'number' ? fields : undefined
  } catch {
    return undefined
  }
}
