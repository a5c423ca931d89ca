/**
 * The doctor's own receiver of events: a Unix socket in the data directory, to which only the relay of
 * npm start is bound. A port could be taken by another program.
 */
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'

/** Its origin for the relay; no host of that name exists (RFC 6761). */
export const DOCTOR_ORIGIN = 'http://doctor.invalid'

/** Bytes of the path of a socket: macOS takes 103, Linux 107. */
const MAX_PATH = 103

/** The path of its socket; undefined where there is none, or the path would be too long. */
export function doctorSocketOf(dataDirectory: string): string | undefined {
  const path = join(dataDirectory, 'doctor.sock')
  return process.platform === 'win32' || Buffer.byteLength(path) > MAX_PATH ? undefined : path
}

/** An event, as far as the doctor looks at it. */
export interface ReceivedEvent {
  data?: { thread_name?: string; seq?: number }
}

/** Opens the receiver: it proves itself when it is asked, and keeps the events that come. */
export async function openDoctorReceiver(path: string) {
  const events: ReceivedEvent[] = []
  const server = createServer(async (request, response) => {
    const body = (await json(request).catch(() => ({}))) as ReceivedEvent & { challenge?: string }
    if (body.challenge === undefined) events.push(body)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ challenge: body.challenge }))
  })
  // Of a doctor that was killed.
  rmSync(path, { force: true })
  server.listen(path)
  await once(server, 'listening')
  return {
    events,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
