import { expect, test } from 'vitest'
import { cleanPasted } from '../../../scripts/deploy/terminal.ts'

const URL = 'postgresql://postgres.abc:s3"cr=t\'@pooler.supabase.com:5432/postgres'

test.each([
  URL,
  ` ${URL}\n`,
  `"${URL}"`,
  `'${URL}'`,
  `“${URL}”`,
  `DATABASE_URL=${URL}`,
  `DATABASE_URL = "${URL}"`,
  `export DATABASE_URL='${URL}';`,
  `POSTGRES_URL_NON_POOLING="${URL}"`,
])('%s is taken as the value in it', (pasted) => {
  expect(cleanPasted(pasted, 'DATABASE_URL')).toBe(URL)
})

test.each(['relay-mcp', 'KEY=not-a-url', 'a"b', '"', '', 'sb_secret_x=', "it's", '[a]'])(
  '%s stays as it is',
  (answer) => {
    expect(cleanPasted(answer, 'RELAY_WORKER')).toBe(answer)
  },
)
