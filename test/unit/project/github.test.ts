/** The files in .github: that they are valid, and that CI runs the same as a contributor. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

const read = (path: string) => parse(readFileSync(`.github/${path}`, 'utf8'))

const FORMS = readdirSync('.github/ISSUE_TEMPLATE').filter((name) => name !== 'config.yml')

test('CI runs the gate, and nothing else, on Linux with both versions of Node and on macOS', () => {
  const { jobs, permissions } = read('workflows/ci.yml')
  expect(Object.keys(jobs)).toEqual(['test'])
  expect(jobs.test.steps.flatMap(({ run = [] }: { run?: string | string[] }) => run)).toEqual([
    '.ci/run',
  ])
  expect(jobs.test.strategy.matrix.include).toEqual([
    { os: 'ubuntu-latest', node: 22 },
    { os: 'ubuntu-latest', node: 24 },
    { os: 'macos-latest', node: 24 },
  ])
  expect(permissions).toEqual({ contents: 'read' })
})

test('the gate can be run', () => {
  expect(statSync('.ci/run').mode & 0o111).not.toBe(0)
})

test.each(FORMS)('the issue form %s has the fields that GitHub requires', (name) => {
  const form = read(`ISSUE_TEMPLATE/${name}`)
  expect(form).toMatchObject({ name: expect.any(String), description: expect.any(String) })
  const fields = form.body.filter(({ type }: { type: string }) => type !== 'markdown')
  const ids = fields.map(({ id }: { id: string }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { type, attributes } of fields) {
    expect(['input', 'textarea', 'dropdown']).toContain(type)
    expect(attributes.label).toEqual(expect.any(String))
    if (type === 'dropdown') expect(attributes.options.length).toBeGreaterThan(1)
  }
})

test('dependabot looks at packages and actions', () => {
  const { version, updates } = read('dependabot.yml')
  expect(version).toBe(2)
  expect(updates.map((update: Record<string, string>) => update['package-ecosystem'])).toEqual([
    'npm',
    'github-actions',
  ])
})

test('.nvmrc names a Node that package.json allows', () => {
  const wanted = Number(readFileSync('.nvmrc', 'utf8'))
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8'))
  const [, least] = /^>=(\d+)\./.exec(engines.node) ?? []
  expect(wanted).toBeGreaterThanOrEqual(Number(least))
})
