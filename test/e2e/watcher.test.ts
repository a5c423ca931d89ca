/** The documents' commands for terminals and receivers without a plugin, run from their text. */
import { execFile, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createTestRelay } from '../support/relay.ts'

const textOf = (document: string, start: string) => {
  const blocks = readFileSync(document, 'utf8').matchAll(/^```text\n(.*?)^```/gms)
  const [found = ''] = [...blocks]
    .map(([, text = '']) => text)
    .filter((text) => text.startsWith(start))
  expect(found).not.toBe('')
  return found
}

test('the watcher for terminals prints each message once, and nothing while there is none', async () => {
  await using relay = await createTestRelay()
  const environment = {
    PATH: process.env.PATH,
    RELAY_URL: `${relay.url}/mcp`,
    RELAY_KEY: relay.key,
  }
  const command = textOf('docs/clients.md', 'while sleep')
  const shell = spawn('/bin/sh', ['-c', command], { env: environment, detached: true })
  let printed = ''
  for (const output of [shell.stdout, shell.stderr]) {
    output.on('data', (chunk) => {
      printed += chunk
    })
  }
  try {
    const lines = () => printed.split('\n').filter(Boolean)
    for (const [number, content] of ['Backfill is done.', 'Tagged.'].entries()) {
      await expect
        .poll(() => relay.gateway.requests.get('relay_check_new') ?? 0)
        .toBeGreaterThan(number)
      await relay.call('relay_post_message', { thread_name: 'billing', surface: 'chat', content })
      await expect.poll(lines).toHaveLength(number + 1)
      expect(lines()[number]).toContain(`"content":"${content}"`)
    }
  } finally {
    process.kill(-(shell.pid as number), 'SIGKILL')
  }
})

test('the secret for receivers is computed as the settings say', async () => {
  const key = 'a-key-of-a-relay-with-32-letters-or-more'
  const command = textOf('docs/settings.md', 'printf')
  const environment = { PATH: process.env.PATH, RELAY_API_KEY: key }
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command], { env: environment })
  const secret = createHmac('sha256', key).update('relay-notify').digest('base64')
  expect(stdout).toBe(`whsec_${secret}\n`)
})
