/** Connection strings as Supabase shows them and people fill them in. */
import { expect, test } from 'vitest'
import { connectionOf, faultOfConnectionString } from '../../../scripts/deploy/connection-string.ts'
import { readSupabaseRoots } from '../../../scripts/deploy/tls.ts'

const REF = 'abcdefghijklmnopqrst'
const PROJECT_URL = `https://${REF}.supabase.co`
const POOLER = 'aws-0-eu-central-1.pooler.supabase.com'

test.each([
  [
    'the session pooler',
    `postgresql://postgres.${REF}:secret@${POOLER}:5432/postgres`,
    POOLER,
    5432,
  ],
  // The transaction pooler gives each transaction another connection.
  ['the other pooler', `postgresql://postgres.${REF}:secret@${POOLER}:6543/postgres`, POOLER, 5432],
  [
    'the direct address',
    `postgres://postgres:secret@db.${REF}.supabase.co:5432/postgres`,
    `db.${REF}.supabase.co`,
    5432,
  ],
])('%s is connected to over TLS, on a port that keeps one session', (_, string, host, port) => {
  expect(faultOfConnectionString(string, PROJECT_URL)).toBeUndefined()
  expect(connectionOf(string)).toMatchObject({
    host,
    port,
    password: 'secret',
    database: 'postgres',
    ssl: { rejectUnauthorized: true, ca: expect.arrayContaining(readSupabaseRoots()) },
  })
})

test.each([
  ['a@b:c/d?e#f', 'a@b:c/d?e#f'],
  ['a%40b%2Fc', 'a@b/c'],
  ['100%', '100%'],
  ['[x]', '[x]'],
])('the password %s is read as %s', (written, password) => {
  const string = `postgresql://postgres.${REF}:${written}@${POOLER}:5432/postgres`
  expect(faultOfConnectionString(string, PROJECT_URL)).toBeUndefined()
  expect(connectionOf(string).password).toBe(password)
})

test('a database on this machine keeps its port and uses no TLS', () => {
  for (const [written, host] of [
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '::1'],
    ['LocalHost', 'LocalHost'],
  ]) {
    const string = `postgresql://postgres:secret@${written}:6543/postgres`
    expect(faultOfConnectionString(string, PROJECT_URL)).toBeUndefined()
    expect(connectionOf(string)).toMatchObject({ host, port: 6543, ssl: false })
  }
})

test.each([
  [`postgresql://postgres.${REF}:[YOUR-PASSWORD]@${POOLER}:5432/postgres`, '[YOUR-PASSWORD]'],
  [`postgresql://postgres.other:secret@${POOLER}:5432/postgres`, 'another project, other.'],
  ['postgresql://postgres:secret@db.other.supabase.co:5432/postgres', 'another project, other.'],
  [`postgresql://postgres:secret@${POOLER}:5432/postgres`, `must be postgres.${REF}`],
  [`postgresql://postgres.${REF}:secret@${POOLER}:5432/postgres?sslmode=disable`, 'unprotected'],
  [PROJECT_URL, 'It must look like'],
  [`postgresql://postgres.${REF}@${POOLER}:5432/postgres`, 'It must look like'],
  ['psql -h db.x.supabase.co', 'It must look like'],
])('%s is refused with a reason', (string, said) => {
  expect(faultOfConnectionString(string, PROJECT_URL)).toContain(said)
})
