/**
 * The request's log line. Endpoints add fields, index.ts writes it once. The fields are
 * listed here one by one; no key, token, query string or message content is among them.
 */

export interface LogFields {
  request_id: string
  method: string
  path: string
  rpc_method: string
  tool: string
  /** Of POST /manage. */
  action: string
  client: string
  era: 'modern' | 'legacy'
  status: number
  outcome: 'ok' | 'refused' | 'failed'
  error_code: string
  /** The host that a refused request asked for. */
  refused_host: string
  /** The cause of a fault, in our words or the database's; of a caller's text only the host it asked for. */
  reason: string
  db_ms: number
  /** Names of the threads that the daily run deleted. */
  deleted_threads: string[]
}

/** Longer values are cut: a line of the log stays a line. */
const LONGEST = 200

/** Text that looks like a token. */
const TOKEN = /eyJ[\w-]+\.[\w-]+\.[\w-]*/g

export class RequestLog {
  /** Given to a caller whose request failed, so that this line can be found. */
  readonly requestId: string
  readonly #fields: Partial<LogFields>
  readonly #startedAt = Date.now()
  #secrets: string[] = []

  constructor(requestId: string = crypto.randomUUID()) {
    this.requestId = requestId
    this.#fields = { request_id: requestId }
  }

  /** Sets fields; a later value replaces an earlier one. */
  add(fields: Partial<LogFields>): void {
    Object.assign(this.#fields, fields)
  }

  /** Sets the fault; the reason is not for the caller. */
  addError(error: Pick<LogFields, 'outcome'> & { code: string; reason: string | undefined }): void {
    const { code, outcome, reason } = error
    this.add({ error_code: code, outcome, ...(reason !== undefined && { reason }) })
  }

  /** Sets the status; 400 and above is a refusal, unless an outcome was already set. */
  addStatus(status: number): void {
    this.#fields.status = status
    this.#fields.outcome ??= status < 400 ? 'ok' : 'refused'
  }

  /** Masks secrets in the line, wherever a caller may have put them. */
  hide(secrets: (string | undefined)[]): void {
    this.#secrets = secrets.filter((secret) => secret !== undefined)
  }

  /** Adds to the time spent waiting for the database. */
  addDatabaseTime(milliseconds: number): void {
    this.#fields.db_ms = (this.#fields.db_ms ?? 0) + milliseconds
  }

  /** Writes the line. A fault of ours is an error, a caller's is information. */
  write(event: 'request' | 'scheduled' | 'notification' | 'delivery'): void {
    const now = Date.now()
    const fields: Record<string, unknown> = {
      time: new Date(now).toISOString(),
      event,
      outcome: 'ok',
      ...this.#fields,
      duration_ms: now - this.#startedAt,
    }
    let line = JSON.stringify(fields)
    if (this.#mayHide(line, fields)) {
      for (const [name, value] of Object.entries(fields)) {
        if (typeof value === 'string') fields[name] = this.#mask(value)
      }
      line = JSON.stringify(fields)
    }
    if (this.#fields.outcome === 'failed') console.error(line)
    else console.log(line)
  }

  /** Whether something in the line may have to be masked or cut. Almost none has, and masking is slow. */
  #mayHide(line: string, fields: Record<string, unknown>): boolean {
    return (
      line.includes('eyJ') ||
      // A secret is in the line as JSON writes it.
      this.#secrets.some((secret) => line.includes(JSON.stringify(secret).slice(1, -1))) ||
      Object.values(fields).some((value) => typeof value === 'string' && value.length > LONGEST)
    )
  }

  #mask(value: string): string {
    const hidden = this.#secrets.reduce((text, secret) => text.replaceAll(secret, '[key]'), value)
    return hidden.replaceAll(TOKEN, '[token]').slice(0, LONGEST)
  }
}
