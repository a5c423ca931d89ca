/** The Worker's JSON log line as a person reads it: the time, what was asked, how it went. */

/** Formats a line of the Worker's console; what is no log line is returned as it is. */
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

/** Replaces what would begin a line or move the cursor: callers choose their methods and names. */
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
