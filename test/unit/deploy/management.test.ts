/** Answers of Supabase's management API, and the sentence for each. */
import { expect, test, vi } from 'vitest'
import {
  explain,
  faultOfAccessToken,
  openManagement,
  pickSecretKey,
} from '../../../scripts/deploy/management.ts'
import { selectPending } from '../../../scripts/lib/migrations.ts'

const TOKEN = `sbp_${'0'.repeat(40)}`
const PROJECT = { name: 'relay-mcp', organization: 'acme', region: 'eu-west-1' }

test.each<[number, string, string, string]>([
  [
    401,
    '{"message":"Unauthorized"}',
    'token',
    'mistyped, revoked or expired: create another at https://',
  ],
  [
    400,
    '{"message":"Failed to run sql query: ERROR:  42601: syntax error"}',
    'refused',
    'Supabase did not list it: Failed to run sql query: ERROR:  42601: syntax error',
  ],
  [403, 'Forbidden', 'refused', 'Supabase did not list it: it answered 403'],
  [302, '', 'refused', 'it answered 302'],
  [429, '{"message":"Too many requests"}', 'no answer', 'did not list it: Too many requests.'],
  [502, '<html>Bad gateway</html>', 'no answer', 'it answered 502.'],
])('the answer %i %s is explained', (status, said, kind, sentence) => {
  const error = explain('list it', status, said)
  expect(error.kind).toBe(kind)
  expect(error.message).toContain(sentence)
})

test.each<[string, () => Promise<Response>, string]>([
  ['does not come', () => Promise.reject(new TypeError('fetch failed')), 'cannot be reached'],
  ['is cut off', async () => new Response(new ReadableStream({ start: cutOff })), 'be reached'],
  ['is none of a project', async () => Response.json({}, { status: 201 }), 'in a form that'],
  ['is a failure', async () => Response.json({}, { status: 500 }), 'it answered 500'],
])('it is unknown whether a project was created if the answer %s', async (_, answer, sentence) => {
  vi.stubGlobal('fetch', answer)
  const error = await openManagement(TOKEN)
    .createProject(PROJECT, 'p')
    .catch((thrown) => thrown)
  expect(error).toMatchObject({ kind: 'no answer' })
  expect(error.message).toContain(sentence)
})

test('a refused project was not created, and the token goes nowhere but to the API', async () => {
  const sent = vi.fn(async () => Response.json({ message: 'No.' }, { status: 400 }))
  vi.stubGlobal('fetch', sent)
  await expect(openManagement(TOKEN).createProject(PROJECT, 'p')).rejects.toMatchObject({
    kind: 'refused',
    message: 'Supabase did not create the project: No.',
  })
  expect(sent).toHaveBeenCalledExactlyOnceWith(
    'https://api.supabase.com/v1/projects',
    expect.objectContaining({ redirect: 'manual' }),
  )
})

test.each([
  [TOKEN, undefined],
  ['sb_secret_of_a_project', 'This is a key of a project.'],
  ['sbp_', 'a whole access token, sbp_…: create one at'],
  ['eyJhbGciOi', 'It must be a whole access token'],
])('the access token %s is judged by its shape', (token, sentence) => {
  if (sentence === undefined) expect(faultOfAccessToken(token)).toBeUndefined()
  else expect(faultOfAccessToken(token)).toContain(sentence)
})

function cutOff(stream: ReadableStreamDefaultController): void {
  stream.error(new TypeError('terminated'))
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
