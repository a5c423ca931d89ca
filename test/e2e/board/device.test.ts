/** "Notify me on this device": on, a test, off, and what each start of the board brings up to date. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDevice, startPush } from '../../integration/push/service.ts'
import { findBarriers, go, openBoard } from '../../support/board.ts'
import { openBrowser } from '../../support/browser.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

/** Stand-ins for what headless Chromium does not have: permissions for notifications, and a push service. */
const BROWSER = `
  const make = ({ endpoint, p256dh, auth, key }) => ({
    options: { applicationServerKey: Uint8Array.fromBase64(key, { alphabet: 'base64url' }).buffer },
    toJSON: () => ({ endpoint, expirationTime: null, keys: { p256dh, auth } }),
    unsubscribe: () => unsubscribeThere(),
  })
  PushManager.prototype.getSubscription = async () => {
    const kept = await subscriptionThere()
    return kept ? make(kept) : null
  }
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly) throw new Error('silent pushes are not allowed')
    return make(await subscribeThere(applicationServerKey))
  }
  window.Notification = class {
    static permission = 'default'
    static requestPermission = async () => (Notification.permission = await askThere())
    constructor(title) {
      announced.push(title)
    }
  }
  window.announced = []`

type Started = Awaited<ReturnType<typeof startPush>>
type Subscription = ReturnType<typeof createDevice> & { key: string }

/** The board in a browser with a push service, which keeps its subscription over reloads. */
async function openDevice({ relay, service }: Started) {
  const board = await openBoard(browser, relay, { serviceWorkers: 'allow' })
  const { page, context } = board
  const there = {
    subscription: undefined as Subscription | undefined,
    permission: 'granted',
  }
  await context.exposeFunction('askThere', () => there.permission)
  await context.exposeFunction('unsubscribeThere', () => {
    there.subscription = undefined
  })
  await context.exposeFunction('subscriptionThere', () => there.subscription)
  await context.exposeFunction('subscribeThere', (key: string) => {
    if (there.subscription && there.subscription.key !== key) throw new Error('another key')
    there.subscription ??= { ...createDevice(), key }
    service.devices.set(there.subscription.endpoint, there.subscription)
    return there.subscription
  })
  await context.addInitScript(BROWSER)
  await page.reload()
  await page.locator('.app').waitFor()
  return {
    ...board,
    there,
    openDialog: async () => {
      await page.getByRole('button', { name: 'Settings' }).click()
      await page.getByRole('menuitem', { name: 'Notify me on this device' }).click()
    },
    turnOn: async () => {
      await page.getByRole('button', { name: 'Turn on' }).click()
      await page.getByText('This device rings.').waitFor()
    },
  }
}

const ask = (thread_name: string) => ({
  thread_name,
  content: 'the secret question',
  surface: 'code',
  reader_tag: 'laptop',
  to: 'board',
})

test('a device is turned on, tested, rung for a message, and turned off', async () => {
  await using started = await startPush()
  const { relay, service, signIn, manage } = started
  const token = await signIn()
  await using device = await openDevice(started)
  const { page, there } = device
  await device.openDialog()
  await page.getByText('names the thread and the author, and never has the text').waitFor()
  expect(await findBarriers(page)).toEqual([])
  await device.turnOn()
  const listed = async () => (await manage(token, 'list_targets')).body.targets
  expect(await listed()).toMatchObject([{ kind: 'push', name: 'Chrome on Linux' }])

  await page.getByRole('button', { name: 'Send a test' }).click()
  await page.getByText('Sent. It appears within a few seconds').waitFor()
  await relay.call('relay_post_message', ask('plan'))
  await expect.poll(() => service.pushed).toHaveLength(2)
  expect(service.pushed.map(({ message }) => message)).toMatchObject([
    { type: 'test' },
    { type: 'message', thread: 'plan', author: 'laptop' },
  ])
  expect(JSON.stringify(service.pushed)).not.toContain('secret')

  await page.getByRole('button', { name: 'Turn off' }).click()
  await page.getByText('This device no longer rings').waitFor()
  expect(there.subscription).toBeUndefined()
  expect(await listed()).toEqual([])
  await page.getByRole('button', { name: 'Turn on' }).waitFor()
  expect(service.faults).toEqual([])
  expect(device.complaints).toEqual([])
})

test('a test that does not arrive is explained, and a device that is gone is turned off', async () => {
  await using started = await startPush()
  const { service } = started
  await using device = await openDevice(started)
  const { page, there } = device
  await device.openDialog()
  await device.turnOn()
  service.answer = (response) => response.writeHead(503).end()
  await page.getByRole('button', { name: 'Send a test' }).click()
  await page.getByText('Not sent: it fails. Try again in a while.').waitFor()
  expect(there.subscription).toBeDefined()
  service.answer = (response) => response.writeHead(410).end()
  await page.getByRole('button', { name: 'Send a test' }).click()
  await page.getByText('The push service no longer knows this device').waitFor()
  expect(there.subscription).toBeUndefined()
  await device.turnOn()
})

test('without the permission, nothing is subscribed, and the dialog says where to allow it', async () => {
  await using started = await startPush()
  const { signIn, manage } = started
  const token = await signIn()
  await using device = await openDevice(started)
  const { page, there } = device
  there.permission = 'denied'
  await device.openDialog()
  await page.getByRole('button', { name: 'Turn on' }).click()
  await page.getByText('The browser blocks notifications of this site.').first().waitFor()
  await expect.poll(() => page.getByRole('button', { name: 'Turn on' }).count()).toBe(0)
  expect(there.subscription).toBeUndefined()
  expect((await manage(token, 'list_targets')).body.targets).toEqual([])
  // The button that was pressed is gone, and the keyboard stays in the dialog.
  await page.keyboard.press('Escape')
  await expect.poll(() => page.getByRole('dialog').count()).toBe(0)
})

test('after the relay’s key was rotated, the board subscribes anew and says so', async () => {
  await using started = await startPush()
  const { relay, service, signIn, manage } = started
  const token = await signIn()
  await using device = await openDevice(started)
  const { page, there } = device
  await device.openDialog()
  await device.turnOn()
  const before = there.subscription as Subscription
  const { key } = before
  // Another point on the curve is as good as another relay's.
  before.key = createDevice().pair.getPublicKey('base64url')
  await page.reload()
  await page.locator('.toast').getByText('The relay has a new key.').waitFor()
  expect(there.subscription?.endpoint).not.toBe(before.endpoint)
  expect(there.subscription?.key).toBe(key)
  expect((await manage(token, 'list_targets')).body.targets).toHaveLength(1)
  await relay.call('relay_post_message', ask('plan'))
  await expect
    .poll(() => service.pushed.map(({ url }) => url))
    .toEqual([there.subscription?.endpoint])
})

test('a device that the relay no longer has is added again at the next start', async () => {
  await using started = await startPush()
  const { signIn, manage } = started
  const token = await signIn()
  await using device = await openDevice(started)
  const { page, there } = device
  await device.openDialog()
  await device.turnOn()
  const { endpoint } = there.subscription as Subscription
  const [{ id }] = (await manage(token, 'list_targets')).body.targets
  await manage(token, 'end_target', { id })
  await page.reload()
  const ids = async () =>
    (await manage(token, 'list_targets')).body.targets.map((each: { id: string }) => each.id)
  await expect.poll(ids, { timeout: 10_000 }).toEqual([id])
  expect(there.subscription?.endpoint).toBe(endpoint)
})

test('a subscription that the browser has ended is turned off, and the board says so', async () => {
  await using started = await startPush()
  const { signIn, manage } = started
  const token = await signIn()
  await using device = await openDevice(started)
  const { page, there } = device
  await device.openDialog()
  await device.turnOn()
  there.subscription = undefined
  await page.reload()
  await page.locator('.toast').getByText('This device no longer rings').waitFor()
  expect((await manage(token, 'list_targets')).body.targets).toEqual([])
})

test('signing out ends the subscription, in the browser and at the relay', async () => {
  await using started = await startPush()
  const { signIn, manage } = started
  const token = await signIn()
  await using device = await openDevice(started)
  const { page, there } = device
  await device.openDialog()
  await device.turnOn()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  expect(there.subscription).toBeUndefined()
  expect((await manage(token, 'list_targets')).body.targets).toEqual([])
})

test('the connections list each device, and ending this one turns it off here', async () => {
  await using started = await startPush()
  const { signIn, manage, add } = started
  const token = await signIn()
  await add(token, { ...createDevice(), label: 'Safari on iPhone <b>' })
  await using device = await openDevice(started)
  const { page, there } = device
  await device.openDialog()
  await device.turnOn()
  await page.keyboard.press('Escape')
  await go(page, '#/connections')
  const row = (name: string) => page.locator('.woken li').filter({ hasText: name })
  const phone = row('Safari on iPhone <b>')
  for (const text of [
    'messages to you',
    'fcm.googleapis.com',
    'While signed in',
    'Nothing sent yet',
  ]) {
    await phone.getByText(text).waitFor()
  }
  expect(await phone.getByText('this device').count()).toBe(0)
  const own = row('Chrome on Linux')
  await own.getByText('this device').waitFor()
  expect(await findBarriers(page)).toEqual([])
  await own.getByRole('button', { name: 'End Chrome on Linux' }).click()
  await own.getByRole('button', { name: 'End it' }).click()
  await page.locator('.toast').getByText('Chrome on Linux no longer rings').waitFor()
  expect(there.subscription).toBeUndefined()
  await phone.getByRole('button', { name: /^End Safari/ }).click()
  await phone.getByRole('button', { name: 'End it' }).click()
  await expect.poll(() => page.locator('.woken').count()).toBe(0)
  expect((await manage(token, 'list_targets')).body.targets).toEqual([])
  expect(device.complaints).toEqual([])
})

test('the tab announces no message for which the device rings', async () => {
  await using started = await startPush()
  const { relay } = started
  await using device = await openDevice(started)
  const { page } = device
  await page.evaluate(`localStorage.setItem('relay-announced', '["", "plan"]')`)
  await page.reload()
  await device.openDialog()
  await device.turnOn()
  await page.evaluate(`document.hasFocus = () => false`)
  const announced = () => page.evaluate('announced')
  const arrive = async (thread: string) => {
    await relay.call('relay_post_message', ask(thread))
    await device.look()
    await page
      .getByRole('button', { name: /^Done/, includeHidden: true })
      .nth(count)
      .waitFor({ state: 'attached' })
    count += 1
  }
  let count = 0
  await arrive('plan')
  await arrive('other')
  expect(await announced()).toEqual([])
  await page.getByRole('button', { name: 'Turn off' }).click()
  await page.getByText('This device no longer rings').waitFor()
  await arrive('last')
  await expect.poll(announced).toEqual(['last'])
})
