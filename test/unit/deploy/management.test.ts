/** What Supabase's program says, as version 3.1.0 was recorded to say it, and the sentence for it. */
import { expect, test, vi } from 'vitest'
import { explainCreation } from '../../../scripts/deploy/hosted-project.ts'
import { explain, pickSecretKey, readCreated } from '../../../scripts/deploy/management.ts'
import { listRegions } from '../../../scripts/deploy/regions.ts'
import { selectPending } from '../../../scripts/lib/migrations.ts'
import { isUsable } from '../../../scripts/lib/supabase-program.ts'

test.each([
  [
    'Access token not provided. Supply an access token by running `supabase login` or setting the SUPABASE_ACCESS_TOKEN environment variable.',
    'sign-in',
    'You are not signed in to Supabase: run "npx supabase@',
  ],
  [
    'Invalid access token format. Must be like `sbp_0102...1920`.',
    'sign-in',
    'SUPABASE_ACCESS_TOKEN is not an access token (sbp_…)',
  ],
  [
    'Unexpected error retrieving projects: {"message":"Unauthorized"}',
    'sign-in',
    'Supabase no longer accepts your sign-in, since it was revoked or has expired: run "npx supabase@',
  ],
  [
    'failed to list projects: HttpClientError: Transport error (GET https://api.supabase.com/v1/projects)',
    'network',
    'Supabase cannot be reached, so it did not list it: check the network.',
  ],
  ['failed to list organizations: TransportError', 'network', 'cannot be reached'],
  [
    'unexpected status 400: {"message":"Failed to run sql query: ERROR:  42601: syntax error at or near \\"boom\\"\\nLINE 1: boom\\n"}',
    'refused',
    'Supabase did not list it: Failed to run sql query: ERROR:  42601: syntax error at or near "boom"',
  ],
  [
    // The name of a project is not the reason.
    'Confirmed by --yes: Create project "timeout"\r\nSomething else\r\nTry rerunning the command with --debug to troubleshoot the error.\r\n',
    'refused',
    'Supabase did not list it: Something else',
  ],
])('the program’s answer is explained: %s', (said, kind, sentence) => {
  vi.stubEnv('SUPABASE_ACCESS_TOKEN', '')
  const error = explain('list it', said)
  expect(error.kind).toBe(kind)
  expect(error.message).toContain(sentence)
})

test('with a token from the environment, a revoked sign-in asks for another token', () => {
  vi.stubEnv('SUPABASE_ACCESS_TOKEN', 'sbp_1')
  const { message } = explain('list it', 'unexpected status 401: {"message":"Unauthorized"}')
  expect(message).toContain('create another at https://supabase.com/dashboard/account/tokens')
})

test.each([
  [
    'The following organization members have reached their maximum limits for the number of active free projects',
    'has no free project left',
  ],
  ['Region eu-west-1 is not available', 'may not use the region eu-west-1'],
  ['Organization not found', 'You may not create projects in the organization acme'],
  ['Password is too weak', 'Password is too weak'],
])('a project that is not created because "%s" is explained', (message, sentence) => {
  const draft = { organization: 'acme', region: 'eu-west-1' }
  expect(explainCreation(message, draft)).toContain(sentence)
})

test.each([
  ['did not end in time', undefined, 'Enter your database password: …'],
  ['gave an answer', 0, '{"name": "relay-mcp"}'],
])('a program that %s may have created the project', (sentence, code, printed) => {
  const error = catchError(() => readCreated({ code, printed }))
  expect(error).toMatchObject({ kind: 'unknown', message: expect.stringContaining(sentence) })
})

test('a project is created, or refused for certain', () => {
  const printed = '{"id": "abcdefghijklmnopqrst"}'
  expect(readCreated({ code: 0, printed })).toBe('abcdefghijklmnopqrst')
  expect(catchError(() => readCreated({ code: 1, printed: 'No.' }))).toMatchObject({
    kind: 'refused',
  })
})

function catchError(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

test('the secret key is preferred to the legacy one, and the default one to others', () => {
  const legacy = { type: 'legacy', name: 'service_role', api_key: 'eyJ' }
  const publishable = { type: 'publishable', name: 'default', api_key: 'sb_publishable_1' }
  const other = { type: 'secret', name: 'other', api_key: 'sb_secret_2' }
  const secret = { type: 'secret', name: 'default', api_key: 'sb_secret_1' }
  expect(pickSecretKey([legacy, publishable, other, secret])).toBe('sb_secret_1')
  expect(pickSecretKey([legacy, publishable, other])).toBe('sb_secret_2')
  expect(pickSecretKey([legacy, publishable])).toBe('eyJ')
  expect(pickSecretKey([publishable])).toBeUndefined()
})

test.each([
  ['3.1.0', true],
  ['3.20.1', true],
  ['3.0.9', false],
  ['2.99.0', false],
  ['4.0.0', false],
  ['', false],
])('an installed program of version "%s" is used: %s', (version, expected) => {
  expect(isUsable(version)).toBe(expected)
})

test.each([
  ['Europe/Berlin', 1, 'eu-central-1'],
  ['Europe/London', 0, 'eu-west-1'],
  ['America/Los_Angeles', -8, 'us-west-1'],
  ['America/Sao_Paulo', -3, 'sa-east-1'],
  ['Asia/Tokyo', 9, 'ap-northeast-1'],
  ['Australia/Sydney', 10, 'ap-southeast-2'],
])('from %s, the first region is near', (zone, hours, id) => {
  const regions = listRegions(zone, hours)
  expect(regions[0]?.id).toBe(id)
  expect(regions).toHaveLength(18)
})

test('only the migrations that a database does not have are applied, in order', () => {
  const migrations = [1, 2, 3].map((version) => ({ version, path: `${version}`, sql: '' }))
  const select = (version: number) => selectPending(migrations, version).map(({ path }) => path)
  expect([select(0), select(1), select(3), select(4)]).toEqual([
    ['1', '2', '3'],
    ['2', '3'],
    [],
    [],
  ])
})
