/** Words about devices: names from what browsers call themselves, and why one cannot ring. */
import { expect, test } from 'vitest'
import { describeObstacle, nameDevice } from '../../../board/text/device.ts'

const WEBKIT = 'AppleWebKit/537.36 (KHTML, like Gecko)'
const PHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)'
const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)'

test.each([
  [
    'Chrome on Android',
    `Mozilla/5.0 (Linux; Android 10; K) ${WEBKIT} Chrome/140.0.0.0 Mobile Safari/537.36`,
  ],
  [
    'Samsung Internet on Android',
    `Mozilla/5.0 (Linux; Android 10; K) ${WEBKIT} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36`,
  ],
  ['Firefox on Android', 'Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0'],
  [
    'Edge on Windows',
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0`,
  ],
  [
    'Chrome on Linux',
    `Mozilla/5.0 (X11; Linux x86_64) ${WEBKIT} HeadlessChrome/140.0.0.0 Safari/537.36`,
  ],
  [
    'Chrome on ChromeOS',
    `Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${WEBKIT} Chrome/140.0.0.0 Safari/537.36`,
  ],
  ['Safari on Mac', `${MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15`],
  ['Safari on iPhone', `${PHONE} Version/18.5 Mobile/15E148 Safari/604.1`],
  ['Safari on iPhone', `${PHONE} Mobile/15E148`],
  ['A browser', 'Something/1.0'],
])('a device is called %s', (name, agent) => {
  expect(nameDevice(agent, 0)).toBe(name)
})

test('an iPad is told from a Mac by its screen that can be touched', () => {
  const agent = `${MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15`
  expect(nameDevice(agent, 5)).toBe('Safari on iPad')
})

const FINE = {
  isSecure: true,
  hasPush: true,
  isDenied: false,
  isInstalled: false,
  agent: `${PHONE} Version/18.5 Mobile/15E148 Safari/604.1`,
  touchPoints: 5,
}

test.each([
  ['nothing, if all is there', {}, undefined],
  ['https, at an http address of the network', { isSecure: false, hasPush: false }, /https/],
  ['to install it first, on an iPhone', { hasPush: false }, /^Install the board first: .*Share/],
  [
    'that there is no push, in an app of an old iPhone',
    { hasPush: false, isInstalled: true },
    /not support/,
  ],
  [
    'that there is no push, elsewhere',
    { hasPush: false, agent: 'Something/1.0', touchPoints: 0 },
    /not support/,
  ],
  ['the settings, if the person has refused', { isDenied: true }, /settings for this site/],
])('a device is told %s', (_, given, expected) => {
  const told = describeObstacle({ ...FINE, ...given })
  if (expected) expect(told).toMatch(expected)
  else expect(told).toBeUndefined()
})
