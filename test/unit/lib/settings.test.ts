import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { changeKept } from '../../../scripts/lib/data-directory.ts'
import { changeDevVars, readSettings } from '../../../scripts/lib/settings.ts'
import { UserError } from '../../../scripts/lib/user-error.ts'

const KEY = 'a-key-of-these-tests-that-is-long-enough'

function createFolder() {
  const path = mkdtempSync(join(tmpdir(), 'relay-settings-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

test('the first run generates keys, and later runs keep them', () => {
  using folder = createFolder()
  const first = readSettings(folder.path, {})
  expect(first).toMatchObject({
    port: 8787,
    dataDirectory: join(folder.path, '.relay'),
    apiKey: expect.stringMatching(/^[\w-]{43}$/),
    userId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    serviceKey: expect.stringMatching(/^sb_secret_[\w-]{32}$/),
    supabaseUrl: undefined,
  })
  expect(readSettings(folder.path, {})).toEqual(first)
})

test('only the owner can read the generated keys', () => {
  using folder = createFolder()
  readSettings(folder.path, {})
  expect(statSync(join(folder.path, '.relay', 'settings.json')).mode & 0o777).toBe(0o600)
  expect(statSync(join(folder.path, '.relay')).mode & 0o066).toBe(0)
})

test('the environment overrides .dev.vars, which overrides generated settings', () => {
  using folder = createFolder()
  const made = readSettings(folder.path, {})
  const devVars =
    '# a comment\nRELAY_API_KEY="the-key-from-dev-vars-is-long-enough"\nPORT=1234\nOTHER=x\n'
  writeFileSync(join(folder.path, '.dev.vars'), devVars, { mode: 0o600 })
  expect(readSettings(folder.path, { PORT: '5678' })).toEqual({
    ...made,
    port: 5678,
    apiKey: 'the-key-from-dev-vars-is-long-enough',
    keySource: '.dev.vars',
  })
})

test('an unedited copy of .dev.vars.example changes nothing', () => {
  using folder = createFolder()
  const made = readSettings(folder.path, {})
  copyFileSync('.dev.vars.example', join(folder.path, '.dev.vars'))
  expect(readSettings(folder.path, {})).toEqual(made)
})

test('a byte order mark does not hide the first setting', () => {
  using folder = createFolder()
  const text = `\ufeffRELAY_API_KEY=${KEY}\r\nPORT=1234\r\n`
  writeFileSync(join(folder.path, '.dev.vars'), text, { mode: 0o600 })
  expect(readSettings(folder.path, {})).toMatchObject({ apiKey: KEY, port: 1234 })
})

test.skipIf(process.platform === 'win32')(
  'a .dev.vars that others can read is a warning, until a changed setting makes it private',
  () => {
    using folder = createFolder()
    const path = join(folder.path, '.dev.vars')
    writeFileSync(path, `PORT=1234\nexport RELAY_API_KEY=${KEY}\n`)
    chmodSync(path, 0o644)
    expect(readSettings(folder.path, {}).warnings).toEqual([
      expect.stringContaining('chmod 600 .dev.vars'),
    ])
    changeDevVars(folder.path, { RELAY_API_KEY: `${KEY}-2`, RELAY_API_KEY_PREVIOUS: KEY })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readSettings(folder.path, {})).toMatchObject({
      apiKey: `${KEY}-2`,
      previousApiKey: KEY,
      port: 1234,
      warnings: [],
    })
  },
)

test('RELAY_DATA is relative to the project', () => {
  using folder = createFolder()
  const { dataDirectory } = readSettings(folder.path, { RELAY_DATA: 'here/it is' })
  expect(dataDirectory).toBe(join(folder.path, 'here', 'it is'))
  expect(readFileSync(join(dataDirectory, 'settings.json'), 'utf8')).toContain('RELAY_API_KEY')
})

test.each([
  ['PORT', 'abc'],
  ['PORT', '99999'],
  ['PORT', '-1'],
  ['PORT', '80.5'],
  ['PORT', ''],
  ['RELAY_API_KEY', ''],
  ['RELAY_API_KEY', '  '],
  ['RELAY_API_KEY', 'two words'],
  ['RELAY_API_KEY', 'clé'],
  ['RELAY_API_KEY', 'fifteen-letters'],
  ['RELAY_USER_ID', 'me'],
  ['SUPABASE_SERVICE_KEY', 'sb_publishable_x'],
  ['SUPABASE_URL', 'my-project.supabase.co'],
  ['SUPABASE_URL', 'https://my-project.supabase.co/rest/v1'],
  ['SUPABASE_URL', 'ftp://abcdefgh.supabase.co'],
  ['RELAY_PUBLIC_URL', 'my-relay.test'],
  ['RELAY_PUBLIC_URL', 'https://relay.example.com:abc'],
  ['RELAY_PUBLIC_URL', 'http://relay.example.com'],
  ['RELAY_PUBLIC_URL', 'https://relay.example.com/relay'],
])('%s=%j is refused with a message that names the setting but not the value', (name, value) => {
  using folder = createFolder()
  const read = () => readSettings(folder.path, { [name]: value })
  expect(read).toThrow(UserError)
  expect(read).toThrow(new RegExp(`^${name} .*\\.$`))
  if (value.trim()) expect(read).not.toThrow(value)
})

test.each(['https://relay.example.com/mcp', 'http://192.168.1.5:8787', 'http://localhost:1'])(
  'RELAY_PUBLIC_URL may be %s, as for the Worker',
  (publicUrl) => {
    using folder = createFolder()
    expect(readSettings(folder.path, { RELAY_PUBLIC_URL: publicUrl })).toMatchObject({ publicUrl })
  },
)

test('where a relay must exist, nothing is created for a mistyped folder', () => {
  using folder = createFolder()
  const read = () => readSettings(folder.path, { RELAY_DATA: 'mistyped' }, { mustExist: true })
  expect(read).toThrow(`There is no relay in ${join(folder.path, 'mistyped')}: RELAY_DATA`)
  expect(readdirSync(folder.path)).toEqual([])
  const made = readSettings(folder.path, {})
  expect(readSettings(folder.path, {}, { mustExist: true })).toEqual(made)
})

test('SUPABASE_URL requires the key and the user of the project', () => {
  using folder = createFolder()
  const project = { SUPABASE_URL: 'https://abcdefgh.supabase.co' }
  expect(() => readSettings(folder.path, project)).toThrow(
    'SUPABASE_SERVICE_KEY and RELAY_USER_ID must be too',
  )
  const whole = {
    ...project,
    SUPABASE_SERVICE_KEY: 'sb_secret_x',
    RELAY_USER_ID: '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11',
  }
  expect(readSettings(folder.path, whole)).toMatchObject({
    supabaseUrl: 'https://abcdefgh.supabase.co',
    serviceKey: 'sb_secret_x',
  })
})

test('a damaged settings file is not replaced', () => {
  using folder = createFolder()
  readSettings(folder.path, {})
  for (const text of ['{"RELAY', '', 'null', '7']) {
    writeFileSync(join(folder.path, '.relay', 'settings.json'), text)
    expect(() => readSettings(folder.path, {})).toThrow('settings.json is damaged')
  }
})

test('a byte order mark at the beginning of .dev.vars hides nothing', () => {
  using folder = createFolder()
  writeFileSync(
    join(folder.path, '.dev.vars'),
    '\ufeffRELAY_API_KEY=a-key-in-the-first-line-long-enough\nPORT=1234\n',
  )
  expect(readSettings(folder.path, {})).toMatchObject({
    apiKey: 'a-key-in-the-first-line-long-enough',
    port: 1234,
  })
})

test('.dev.vars that others can read is warned about, and closed when it is written', () => {
  using folder = createFolder()
  const path = join(folder.path, '.dev.vars')
  writeFileSync(path, '# mine\nRELAY_API_KEY=the-old-key-of-this-test-that-is-long\nPORT=1234', {
    mode: 0o644,
  })
  expect(readSettings(folder.path, {}).warnings).toEqual([
    expect.stringContaining('chmod 600 .dev.vars'),
  ])
  changeDevVars(folder.path, {
    RELAY_API_KEY: 'the-new-key-of-this-test-that-is-long',
    RELAY_API_KEY_PREVIOUS: 'the-old-key-of-this-test-that-is-long',
  })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readSettings(folder.path, {})).toMatchObject({
    apiKey: 'the-new-key-of-this-test-that-is-long',
    previousApiKey: 'the-old-key-of-this-test-that-is-long',
    port: 1234,
    warnings: [],
  })
  changeDevVars(folder.path, { RELAY_API_KEY_PREVIOUS: undefined })
  expect(readFileSync(path, 'utf8')).toBe(
    'RELAY_API_KEY=the-new-key-of-this-test-that-is-long\n# mine\nPORT=1234\n',
  )
})

test('a kept previous key goes with the kept key, and not with one from the environment', () => {
  using folder = createFolder()
  const { dataDirectory } = readSettings(folder.path, {})
  changeKept(dataDirectory, { RELAY_API_KEY_PREVIOUS: 'the-key-kept-before-that-is-long-enough' })
  expect(readSettings(folder.path, {}).previousApiKey).toBe(
    'the-key-kept-before-that-is-long-enough',
  )
  const given = readSettings(folder.path, { RELAY_API_KEY: 'a-key-that-is-given-and-long-enough' })
  expect(given.previousApiKey).toBeUndefined()
})

test('CF-Connecting-IP is believed only where a setting says so', () => {
  using folder = createFolder()
  expect(readSettings(folder.path, {}).trustsConnectingIp).toBe(false)
  expect(readSettings(folder.path, { RELAY_TRUST_CF_IP: '1' }).trustsConnectingIp).toBe(true)
  expect(() => readSettings(folder.path, { RELAY_TRUST_CF_IP: 'yes' })).toThrow('must be 1 or 0')
})
