/** How the set-up settles the Supabase project without a terminal: each wrong answer has its sentence. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import type { Deployment } from '../../../scripts/deploy/deployment.ts'
import {
  explain,
  type HostedProject,
  type Management,
  type ManagementError,
} from '../../../scripts/deploy/management.ts'
import type { Setup } from '../../../scripts/deploy/steps.ts'

const home = mkdtempSync(join(tmpdir(), 'relay-home-'))
vi.stubEnv('RELAY_DATA', home)
vi.spyOn(console, 'log').mockImplementation(() => {})
const { takeHostedProject } = await import('../../../scripts/deploy/hosted-project.ts')
afterAll(() => rmSync(home, { recursive: true }))
afterEach(() => {
  vi.unstubAllEnvs()
})

const REF = 'abcdefghijklmnopqrst'
const OTHER_REF = 'zyxwvutsrqponmlkjihg'

interface AccountOptions {
  organizations?: { slug: string; name: string }[]
  projects?: Partial<HostedProject>[]
  refusal?: ManagementError
}

function createSetup(deployment: Deployment, options: AccountOptions = {}) {
  const { organizations = [{ slug: 'acme', name: 'Acme' }], projects = [], refusal } = options
  const created: { name: string; password: string }[] = []
  const complete = (given: Partial<HostedProject>): HostedProject => ({
    ref: REF,
    name: 'relay-mcp',
    organization_slug: 'acme',
    region: 'eu-west-1',
    status: 'ACTIVE_HEALTHY',
    ...given,
  })
  const all = projects.map(complete)
  const account: Management = {
    listOrganizations: async () => organizations,
    listProjects: async () => all,
    async createProject({ name, region }, password) {
      if (refusal) throw refusal
      created.push({ name, password })
      all.push(complete({ name, region }))
      return REF
    },
    readSecretKey: async () => 'sb_secret_of_these_tests',
    runSql: async () => [],
    readSql: async () => [],
  }
  const setup: Setup = { takesOver: false, deployment: { ...deployment }, account }
  return { setup, created }
}

function setEnvironment(environment: Record<string, string>): void {
  for (const [name, value] of Object.entries({ SUPABASE_ACCESS_TOKEN: 'sbp_1', ...environment })) {
    vi.stubEnv(name, value)
  }
}

const refuse = (message: string) => explain('create the project', 400, JSON.stringify({ message }))

const two = [
  { slug: 'acme', name: 'Acme' },
  { slug: 'other', name: 'Other' },
]

test.each<[string, Record<string, string>, AccountOptions, string]>([
  ['no region', {}, {}, 'SUPABASE_REGION must be set'],
  ['an unknown region', { SUPABASE_REGION: 'mars-1' }, {}, 'Supabase has no region mars-1'],
  ['no organization', {}, { organizations: [] }, 'Your account has no organization yet'],
  ['several organizations', {}, { organizations: two }, 'one of acme (Acme), other (Other)'],
  ['a wrong organization', { SUPABASE_ORGANIZATION: 'wrong' }, {}, 'not a member of wrong'],
  [
    'a ref that is not there',
    { SUPABASE_PROJECT: OTHER_REF },
    {},
    `Your account has no project ${OTHER_REF}`,
  ],
  [
    'two projects of one name',
    {},
    { projects: [{}, { ref: OTHER_REF }] },
    `set SUPABASE_PROJECT to one of ${REF} (eu-west-1), ${OTHER_REF} (eu-west-1).`,
  ],
  ['a paused project', {}, { projects: [{ status: 'INACTIVE' }] }, 'is paused: restore it at'],
  [
    'no free project left',
    { SUPABASE_REGION: 'eu-west-1' },
    { refusal: refuse('reached their maximum limits') },
    'Supabase did not create the project: reached their maximum limits',
  ],
])('%s is explained, and the next run asks again', async (_, environment, options, sentence) => {
  setEnvironment(environment)
  const { setup, created } = createSetup({}, options)
  await expect(takeHostedProject(setup)).rejects.toThrow(sentence)
  expect(created).toEqual([])
  expect(setup.deployment).not.toHaveProperty('SUPABASE_SERVICE_KEY')
  expect(setup.deployment.project).toBeUndefined()
})

test('a project that was created just before an interruption is not created twice', async () => {
  setEnvironment({})
  const { setup, created } = createSetup({ SUPABASE_DB_PASSWORD: 'kept' }, { projects: [{}] })
  expect(await takeHostedProject(setup)).toBe(true)
  expect(created).toEqual([])
  expect(setup.deployment).toMatchObject({
    project: REF,
    SUPABASE_URL: `https://${REF}.supabase.co`,
  })
})

test('a creation that was interrupted is repeated with the same password', async () => {
  setEnvironment({ SUPABASE_REGION: 'eu-west-1' })
  const { setup, created } = createSetup({ SUPABASE_DB_PASSWORD: 'kept' })
  expect(await takeHostedProject(setup)).toBe(true)
  expect(created).toEqual([{ name: 'relay-mcp', password: 'kept' }])
})

test('a paused project of a running relay keeps its ref, and one that is deleted does not', async () => {
  setEnvironment({})
  const known = {
    project: REF,
    SUPABASE_URL: `https://${REF}.supabase.co`,
  }
  const { setup } = createSetup(known, { projects: [{ status: 'INACTIVE' }] })
  await expect(takeHostedProject(setup)).rejects.toThrow('is paused: restore it at')
  expect(setup.deployment).toEqual(known)
  for (const projects of [[{ status: 'REMOVED' }], []]) {
    const { setup: gone } = createSetup(known, { projects })
    await expect(takeHostedProject(gone)).rejects.toThrow()
    expect(gone.deployment.project).toBeUndefined()
  }
})

test('a URL in the environment means that no account is opened', async () => {
  setEnvironment({ SUPABASE_URL: `https://${REF}.supabase.co` })
  expect(await takeHostedProject(createSetup({}).setup)).toBe(false)
})
