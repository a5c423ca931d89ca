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
    why ? `${outcome} ${why}` : describeOutcome(fields),
    `${fields.duration_ms} ms${database}`,
    client,
    outcome === 'failed' && fields.request_id,
    describeHost(fields),
  ]
    .filter(Boolean)
    .join('  ')
  return makePrintable(printed)
}

type Fields = Record<string, unknown>

/** A client that asks for a stream of events, which this relay does not have, is not in trouble. */
function describeOutcome({ method, path, status, outcome }: Fields): unknown {
  return method === 'GET' && path === '/mcp' && status === 405 ? 'no event stream' : outcome
}

/** A name that the relay does not answer to: RELAY_PUBLIC_URL may be missing or wrong. */
function describeHost({ refused_host: host }: Fields): unknown {
  return host && `${host}: set RELAY_PUBLIC_URL if clients use this name`
}

/** Replaces characters that would start a line or move the cursor: callers choose methods and names. */
function makePrintable(text: string): string {
  return text.replaceAll(UNPRINTABLE, '\ufffd')
}

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu

function parse(line: string): Fields | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const fields = JSON.parse(line)
    return typeof fields.duration_ms === 'number' ? fields : undefined
  } catch {
    return undefined
  }
}
