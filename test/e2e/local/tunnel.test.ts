/** A relay at home behind a tunnel, and commands that look for one that is not there. */
import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createHome } from '../../support/home.ts'

const PUBLIC_URL = 'https://relay.invalid'

test('a relay that was started with RELAY_PUBLIC_URL passes its own doctor and smoke test', async () => {
  await using home = createHome()
  await home.start({ RELAY_API_KEY: undefined, RELAY_PUBLIC_URL: PUBLIC_URL })
  const doctor = await home.command('doctor', ['--verbose'])
  expect(doctor.printed).toMatch(
    /^relay at http:\/\/127\.0\.0\.1:\d+\nPublic URL https:\/\/relay\.invalid\n/,
  )
  expect(doctor.printed).toMatch(
    /^ok +oauth\.issuer .*https:\/\/relay\.invalid \(RELAY_PUBLIC_URL\)/m,
  )
  expect(doctor.printed).toContain(
    `To check the tunnel too: RELAY_URL=${PUBLIC_URL} npm run doctor`,
  )
  expect(doctor.code).toBe(0)
  const smoke = await home.command('smoke')
  expect(smoke.printed).toContain(', 0 failed.')
  expect(smoke.code).toBe(0)
  expect((await home.command('status')).printed).toContain(`Public URL      ${PUBLIC_URL}\n`)

  // The tunnel is examined with the key that is kept here, and its fix is not a deployment.
  const tunnel = await home.command('doctor', [], { RELAY_URL: PUBLIC_URL })
  expect(tunnel.printed).toContain('relay.invalid is not in the DNS.')
  expect(tunnel.printed).toContain('the current address of the tunnel')
  expect(tunnel.printed).not.toContain('wrangler')
  const elsewhere = await home.command('doctor', [], { RELAY_URL: 'https://other.invalid' })
  expect(elsewhere).toMatchObject({ code: 2 })
  expect(elsewhere.printed).toContain('RELAY_API_KEY is missing')
})

test('a name that the relay does not know is named to its operator', async () => {
  await using home = createHome()
  const relay = await home.start()
  const { port } = new URL(relay.url)
  const ask = (host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const asked = request({ port, path: '/mcp', method: 'POST', headers: { host } }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
      asked.on('error', reject).end()
    })
  expect(await ask('nas.example')).toBe(421)
  await expect.poll(() => relay.printed).toContain('nas.example: set RELAY_PUBLIC_URL')
})

test('a stopped relay is called stopped, wherever it would listen', async () => {
  await using home = createHome()
  const relay = await home.start({ RELAY_API_KEY: undefined })
  relay.kill('SIGINT')
  await relay.exit
  const doctor = await home.command('doctor', [], { PORT: new URL(relay.url).port })
  expect(doctor.printed).toContain(`The relay of ${home.data} is not running.`)
  expect(doctor.printed).toContain('fix: npm start')
  const smoke = await home.command('smoke', [], { PORT: new URL(relay.url).port })
  expect(smoke.printed).toMatch(/1 failed\. Not checked: \d\d\.$/m)
  expect(smoke.printed).not.toContain('it needs')
  expect(smoke.code).toBe(1)
})

test.each([['doctor'], ['smoke'], ['status'], ['export'], ['rotate', '--home']])(
  '%s creates nothing in a folder that is mistyped',
  async (name, ...args) => {
    await using home = createHome()
    const mistyped = join(home.data, 'mistyped')
    const { code, printed } = await home.command(name, args, { RELAY_DATA: mistyped })
    expect(printed).toContain(
      `There is no relay in ${mistyped}: RELAY_DATA is mistyped, or npm start`,
    )
    expect(code).toBe(1)
    expect(readdirSync(home.data)).toEqual([])
  },
)
