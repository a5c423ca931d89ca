/** Checks of the project URL and key that people paste, and of the project's answers to them. */
import { expect, test } from 'vitest'
import {
  faultOfProjectUrl,
  faultOfServiceKey,
  findingOf,
  projectRef,
  sqlEditor,
} from '../../../scripts/deploy/supabase.ts'

const REF = 'abcdefghijklmnopqrst'
const URL_OF_PROJECT = `https://${REF}.supabase.co`

function legacyKey(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'HS256' })}.${part({ iss: 'supabase', ...claims })}.signature`
}

test.each([
  [URL_OF_PROJECT],
  [`${URL_OF_PROJECT}/`],
  ['https://api.example.com'],
  ['http://127.0.0.1:54321'],
  ['http://localhost:54321'],
])('%s is a project URL', (answer) => {
  expect(faultOfProjectUrl(answer)).toBeUndefined()
})

test.each([
  [`https://supabase.com/dashboard/project/${REF}`, 'another address of the project'],
  [`https://db.${REF}.supabase.co`, 'another address of the project'],
  [`${URL_OF_PROJECT}/rest/v1/`, `${URL_OF_PROJECT}.`],
  [`postgresql://postgres:x@db.${REF}.supabase.co:5432/postgres`, 'https://'],
  [`${REF}.supabase.co`, 'https://'],
  [REF, 'https://'],
  [`http://${REF}.supabase.co`, 'https://'],
  ['sb_secret_abc', 'This is a key'],
  [legacyKey({ role: 'service_role' }), 'This is a key'],
])('%s is refused as a project URL, with its kind or the value to enter', (answer, said) => {
  expect(faultOfProjectUrl(answer)).toContain(said)
})

test.each([
  ['a secret key', 'sb_secret_N7-abc_D'],
  ['a legacy key of this project', legacyKey({ role: 'service_role', ref: REF })],
  ['a legacy key that names no project', legacyKey({ role: 'service_role' })],
])('%s is accepted', (_, key) => {
  expect(faultOfServiceKey(key, URL_OF_PROJECT)).toBeUndefined()
})

test.each([
  ['a publishable key', 'sb_publishable_abc', 'the publishable (anon) key'],
  ['a legacy anon key', legacyKey({ role: 'anon', ref: REF }), 'the publishable (anon) key'],
  ['another project’s key', legacyKey({ role: 'service_role', ref: 'other' }), 'project, other.'],
  ['an access token', 'sbp_0123456789abcdef', 'must be the whole'],
  ['a key as the dashboard hides it', 'sb_secret_N7abc••••••••', 'must be the whole'],
  ['a truncated key', 'sb_secret_', 'must be the whole'],
  ['a user’s token', legacyKey({ role: 'authenticated' }), 'must be the whole'],
  ['a password', 'correct horse', 'must be the whole'],
  ['the project URL', URL_OF_PROJECT, 'must be the whole'],
])('%s is refused with a message that does not repeat it', (_, key, said) => {
  const fault = faultOfServiceKey(key, URL_OF_PROJECT)
  expect(fault).toContain(said)
  expect(fault).not.toContain(key)
})

test.each([
  ['a missing function', 404, { code: 'PGRST202', message: '…' }, 'unmigrated'],
  ['missing rights', 403, { code: '42501', message: '…' }, 'unmigrated'],
  ['a wrong key', 401, { message: 'Invalid API key' }, 'fault'],
  ['a paused project', 540, 'a page', 'fault'],
  ['another server', 404, '<html>', 'fault'],
  ['an unexpected status document', 200, {}, 'fault'],
])('%s is recognized', (_, status, body, is) => {
  expect(findingOf(status, body, URL_OF_PROJECT).is).toBe(is)
})

test('the address of the SQL editor contains the project’s ref', () => {
  expect(projectRef('https://api.example.com')).toBeUndefined()
  expect(sqlEditor(URL_OF_PROJECT)).toBe(`https://supabase.com/dashboard/project/${REF}/sql/new`)
})
