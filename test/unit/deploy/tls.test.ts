/** A man in the middle of the connection to the database is sent no password. */
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, Socket } from 'node:net'
import { type ConnectionOptions, TLSSocket } from 'node:tls'
import { Client, type ClientConfig } from 'pg'
import { expect, test } from 'vitest'
import { connectionOf } from '../../../scripts/deploy/connection-string.ts'
import { explainIdentity, readSupabaseRoots } from '../../../scripts/deploy/tls.ts'

const REF = 'abcdefghijklmnopqrst'
const STRING = `postgresql://postgres:the-password@db.${REF}.supabase.co:5432/postgres`
const FOLDER = new URL('../../support/certificates/', import.meta.url)

/** Certificates that only these tests trust, each with its private key. */
const read = (name: string) => readFileSync(new URL(name, FOLDER), 'utf8')

/** A server that takes the place of the database and asks for the password in clear text. */
async function startImpostor(certificate: string | undefined) {
  const stolen: string[] = []
  const server = createServer((socket) => {
    socket
      .on('error', () => {})
      .once('data', () => {
        socket.write(certificate ? 'S' : 'N')
        if (certificate) askOver(new TLSSocket(socket, { isServer: true, ...pair(certificate) }))
        else askOver(socket)
      })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  function askOver(socket: Socket) {
    socket
      .on('error', () => {})
      .once('data', () => {
        // AuthenticationCleartextPassword
        socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]))
        socket.once('data', (answer) => {
          stolen.push(String(answer))
          socket.destroy()
        })
      })
  }

  return {
    stolen,
    /** Connects as `npm run setup` does, with the name of the database leading here. */
    async connect(changes: ConnectionOptions = {}): Promise<NodeJS.ErrnoException> {
      const config = connectionOf(STRING)
      const ssl = { ...(config.ssl as ConnectionOptions), ...changes }
      const stream = () => new Redirected(port)
      const client = new Client({ ...config, ssl, stream } as unknown as ClientConfig)
      client.on('error', () => {})
      const error = await client.connect().then(
        () => undefined,
        (error) => error,
      )
      await client.end().catch(() => {})
      return error
    },
    [Symbol.dispose]: () => server.close(),
  }
}

class Redirected extends Socket {
  readonly #port: number
  constructor(port: number) {
    super()
    this.#port = port
  }
  override connect(): this {
    return super.connect(this.#port, '127.0.0.1')
  }
}

function pair(name: string) {
  return { key: read(name), cert: read(name) }
}

test.each([
  ['with an untrusted certificate for the right name', 'database.pem', {}],
  ['with a trusted certificate for another name', 'other.pem', { ca: [read('root.pem')] }],
  ['without TLS', undefined, {}],
])('an impostor %s gets no password, and the message says why', async (_, certificate, changes) => {
  using impostor = await startImpostor(certificate)
  const error = await impostor.connect(changes)
  expect(explainIdentity(error)).toContain('the password was not sent')
  expect(impostor.stolen).toEqual([])
})

test('a server with a trusted certificate for the right name gets the password', async () => {
  using database = await startImpostor('database.pem')
  await database.connect({ ca: [read('root.pem')] })
  expect(database.stolen.join()).toContain('the-password')
})

test('the root certificates are Supabase’s and stay valid for another year', () => {
  const roots = readSupabaseRoots().map((pem) => new X509Certificate(pem))
  expect(roots.map(({ fingerprint256 }) => fingerprint256)).toEqual([
    '80:70:25:AD:50:D4:ED:21:9D:2C:9C:7D:29:9C:00:4F:82:4E:B0:0C:F7:F6:5A:FE:F6:07:D0:7B:72:E6:CA:FA',
    '5F:9B:77:95:1A:7A:A1:30:3F:9B:58:EE:A9:BF:A8:9E:35:8C:FD:C1:5F:97:86:FF:10:D4:93:0A:72:2C:9A:E2',
  ])
  const nextYear = Date.now() + 365 * 24 * 60 * 60 * 1000
  for (const root of roots) {
    expect(root.subject).toContain('CN=Supabase Root 2021 CA')
    expect(root.ca && root.verify(root.publicKey)).toBe(true)
    expect(Date.parse(root.validTo)).toBeGreaterThan(nextYear)
  }
})
