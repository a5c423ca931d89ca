/**
 * server.json against the rules of the MCP Registry: its schema of 2025-12-11 and what it checks
 * beyond that. The rules are written out here, since the registry itself is asked only on publication.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import * as z from 'zod'

const SCHEMA = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json'

const Text = (most: number) => z.string().trim().min(1).max(most)

const Input = z.strictObject({
  description: z.string().optional(),
  isRequired: z.boolean().optional(),
  isSecret: z.boolean().optional(),
  default: z.string().optional(),
  placeholder: z.string().optional(),
  choices: z.array(z.string()).min(1).optional(),
  format: z.enum(['string', 'number', 'boolean', 'filepath']).optional(),
  value: z.string().optional(),
})

const Remote = z
  .strictObject({
    type: z.enum(['streamable-http', 'sse']),
    url: z.string(),
    variables: z.record(z.string(), Input).optional(),
    headers: z
      .array(Input.extend({ name: Text(255), variables: z.record(z.string(), Input).optional() }))
      .optional(),
  })
  .superRefine(({ url, variables = {} }, context) => {
    const complain = (message: string) => context.addIssue({ code: 'custom', message })
    const used = [...url.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name as string)
    for (const name of used) if (!(name in variables)) complain(`{${name}} is no variable`)
    const filled = URL.parse(url.replaceAll(/\{[^{}]+\}/g, 'example'))
    if (!url.startsWith('https://') || filled?.protocol !== 'https:') complain('must be https')
    if (/^(localhost|127\.|10\.|192\.168\.|\[)/.test(filled?.hostname ?? '')) complain('is private')
  })

const Server = z.strictObject({
  $schema: z.literal(SCHEMA),
  name: z
    .string()
    .min(3)
    .max(200)
    .regex(/^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?\/[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?$/),
  title: Text(100).optional(),
  description: Text(100),
  version: Text(255).regex(/^\d+\.\d+\.\d+(-[\w.]+)?$/, 'must be one version, not a range'),
  repository: z
    .strictObject({
      url: z.url({ protocol: /^https$/ }),
      source: z.enum(['github', 'gitlab']),
      id: z.string().optional(),
      subfolder: z.string().optional(),
    })
    .optional(),
  websiteUrl: z.url({ protocol: /^https$/ }).optional(),
  icons: z
    .array(
      z.strictObject({
        src: z.url({ protocol: /^https$/ }).max(255),
        mimeType: z
          .enum(['image/png', 'image/jpeg', 'image/jpg', 'image/svg+xml', 'image/webp'])
          .optional(),
        sizes: z.array(z.string().regex(/^(\d+x\d+|any)$/)).optional(),
        theme: z.enum(['light', 'dark']).optional(),
      }),
    )
    .optional(),
  remotes: z.array(Remote).min(1),
})

const DOCUMENT = JSON.parse(readFileSync('server.json', 'utf8'))

test('server.json is one that the registry takes', () => {
  expect(Server.safeParse(DOCUMENT).error?.issues ?? []).toEqual([])
})

test.each([
  ['another schema', { $schema: 'https://example.com/server.schema.json' }],
  ['a name without a namespace', { name: 'relay-mcp' }],
  ['a name of two slashes', { name: 'io.github.relay-mcp/relay/mcp' }],
  ['a name that ends with a dash', { name: 'io.github.relay-mcp/relay-' }],
  ['a long description', { description: 'x'.repeat(101) }],
  ['a blank title', { title: ' ' }],
  ['a range of versions', { version: '^0.2.0' }],
  ['the version latest', { version: 'latest' }],
  ['no remote', { remotes: [] }],
  ['an unknown field', { tools: [] }],
  ['a variable that is not declared', { remotes: [{ ...DOCUMENT.remotes[0], variables: {} }] }],
  ['plain http', { remotes: [{ type: 'streamable-http', url: 'http://relay.example.com/mcp' }] }],
  ['a loopback address', { remotes: [{ type: 'streamable-http', url: 'https://127.0.0.1/mcp' }] }],
])('with %s it would not be', (_, change) => {
  expect(Server.safeParse({ ...DOCUMENT, ...change }).success).toBe(false)
})

test('glama.json names its schema and somebody who maintains the listing', () => {
  const Glama = z.strictObject({
    $schema: z.literal('https://glama.ai/mcp/schemas/server.json'),
    maintainers: z.array(z.string().regex(/^[\w-]+$/)).min(1),
  })
  expect(Glama.safeParse(JSON.parse(readFileSync('glama.json', 'utf8'))).success).toBe(true)
})
