/**
 * server.json against the rules of the MCP Registry: its schema of 2025-12-11 and the checks it adds.
 * The rules are written out here because the registry itself is asked only on publication.
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
    for (const name of used) if (!(name in variables)) complain(`{${name}} is not declared`)
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

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'))

const DOCUMENT = read('server.json')

test('the registry accepts server.json', () => {
  expect(Server.safeParse(DOCUMENT).error?.issues ?? []).toEqual([])
})

test.each([
  ['another schema', { $schema: 'https://example.com/server.schema.json' }],
  ['a name without a namespace', { name: 'relay-mcp' }],
  ['a name of two slashes', { name: 'com.example/relay/mcp' }],
  ['a name that ends with a dash', { name: 'com.example/relay-' }],
  ['a long description', { description: 'x'.repeat(101) }],
  ['a blank title', { title: ' ' }],
  ['a range of versions', { version: '^0.2.0' }],
  ['the version latest', { version: 'latest' }],
  ['no remote', { remotes: [] }],
  ['an unknown field', { tools: [] }],
  ['a variable that is not declared', { remotes: [{ ...DOCUMENT.remotes[0], variables: {} }] }],
  ['plain http', { remotes: [{ type: 'streamable-http', url: 'http://relay.example.com/mcp' }] }],
  ['a loopback address', { remotes: [{ type: 'streamable-http', url: 'https://127.0.0.1/mcp' }] }],
])('the registry refuses %s', (_, change) => {
  expect(Server.safeParse({ ...DOCUMENT, ...change }).success).toBe(false)
})

/**
 * This project has no public repository. A listing that names one would hand its readers to anyone who
 * registers that name, so a publisher fills in the names that are theirs: CONTRIBUTING.md.
 */
test('no listing names a repository or an account', () => {
  expect(DOCUMENT.name).toMatch(/^com\.example\//)
  expect(DOCUMENT).not.toHaveProperty('repository')
  expect(DOCUMENT).not.toHaveProperty('icons')
  const plugin = read('integrations/claude-code/.claude-plugin/plugin.json')
  const marketplace = read('.claude-plugin/marketplace.json')
  for (const document of [plugin, marketplace, ...marketplace.plugins]) {
    expect(document).not.toHaveProperty('repository')
    expect(document).not.toHaveProperty('homepage')
  }
})
