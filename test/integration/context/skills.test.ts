/** Skills over MCP: the list, one of them, and their files as resources, in both eras. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { McpClient } from '../../../scripts/lib/mcp-client.ts'
import { createTestRelay } from '../../support/relay.ts'

const FOLDER = new URL('../../../integrations/skills/', import.meta.url)

// biome-ignore lint/suspicious/noExplicitAny: tests state what they expect by asserting it.
type Json = any

test.each(['legacy', 'modern'] as const)(
  'in the %s era every skill is listed, and is what its digest says',
  async (era) => {
    await using relay = await createTestRelay()
    const client = new McpClient(relay.url, relay.key)
    const ask = async (method: string, params: Json = {}): Promise<Json> =>
      (await client[era](method, params)).body
    const { skills } = (await ask('skills/list')).result
    const names = (await readdir(FOLDER)).sort()
    expect(skills.map(({ uri }: Json) => uri)).toEqual(
      names.map((name) => `skill://${name}/SKILL.md`),
    )
    const listed = (await ask('resources/list')).result.resources
    for (const [index, name] of names.entries()) {
      const { uri, frontmatter, resources } = skills[index]
      expect(frontmatter).toEqual({ name, description: expect.stringMatching(/^Use /) })
      const { text, mimeType } = (await ask('resources/read', { uri })).result.contents[0]
      expect(mimeType).toBe('text/markdown')
      expect(text).toBe(await readFile(new URL(`${name}/SKILL.md`, FOLDER), 'utf8'))
      const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`
      expect(resources).toEqual([{ uri, digest, size: Buffer.byteLength(text) }])
      expect((await ask('skills/get', { uri })).result.skill).toEqual(skills[index])
      expect(JSON.stringify(listed)).not.toContain(uri)
    }
  },
)

test.each([
  ['skills/get', { uri: 'skill://nothing/SKILL.md' }],
  ['skills/get', {}],
  ['skills/list', { cursor: 'x' }],
  ['resources/read', { uri: 'skill://nothing/SKILL.md' }],
  ['resources/read', { uri: 'skill://../board/index.html' }],
  ['resources/read', { uri: 'skill://index.json/SKILL.md' }],
])('%s %j is refused', async (method, params) => {
  await using relay = await createTestRelay()
  const { body } = await new McpClient(relay.url, relay.key).modern(method, params)
  expect(body.error.code).toBe(-32602)
})

test('a skill is served as a resource, and at no address', async () => {
  await using relay = await createTestRelay()
  for (const path of [
    '/skills/index.json',
    '/skills/relay-post.md',
    '/board/../skills/index.json',
  ]) {
    expect((await relay.fetch(path)).status).toBe(404)
  }
})
