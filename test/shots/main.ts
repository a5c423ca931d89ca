/**
 * `npm run shots -- [FOLDER [STATE …]]`: pictures of every state of the board and the pages, in light and dark, on
 * desk and phone, from a relay of its own. `npm run shots -- --readme` makes the pictures of the README
 * and the icons instead; `--measure` measures how the board feels.
 */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import { McpClient } from '../../scripts/lib/mcp-client.ts'
import { PROJECT, readVersion } from '../../scripts/lib/project.ts'
import { readSettings } from '../../scripts/lib/settings.ts'
import { boardAddress } from '../../scripts/local/board-link.ts'
import { Stack } from '../../scripts/local/stack.ts'
import { launchChromium, unpackChromium } from '../support/chromium.ts'
import { measure } from './measure.ts'
import { seed } from './seed.ts'

const SIZES = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } }

interface State {
  name: string
  /** Where it is, below the origin. */
  at: string
  signedOut?: boolean
  /** Steps before the picture. */
  act?: (page: Page) => Promise<unknown>
}

const STATES: State[] = [
  { name: 'home', at: '/', signedOut: true },
  { name: 'not-found', at: '/nothing', signedOut: true },
  { name: 'sign-in', at: '/board/', signedOut: true },
  {
    name: 'consent',
    at: '/board/',
    signedOut: true,
    act: async (page) => {
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.waitForURL(/authorize/)
    },
  },
  { name: 'for-you', at: '/board/#/' },
  {
    name: 'later',
    at: '/board/#/',
    act: async (page) => {
      await page
        .getByRole('button', { name: /^Later/ })
        .last()
        .click()
      await page.getByRole('menuitem', { name: 'Tomorrow' }).click()
      await page.locator('.folds summary').click()
      await page
        .getByRole('button', { name: /^Later/ })
        .first()
        .click()
    },
  },
  {
    name: 'nothing-waits',
    at: '/board/#/',
    act: async (page) => {
      // Only here: the relay keeps them for the next picture.
      await page.route('**/manage', (route) => route.fulfill({ json: { settled: true } }))
      const done = page.getByRole('button', { name: /^Done/ })
      while ((await done.count()) > 0) await done.first().click()
    },
  },
  {
    name: 'answering',
    at: '/board/#/t/ledger-index',
    act: async (page) => {
      await page.locator('body').press('r')
      await page.getByRole('textbox', { name: /^Write to/ }).fill('Yes, drop it.')
    },
  },
  {
    name: 'palette',
    at: '/board/#/t/billing-migration',
    act: async (page) => {
      await page.keyboard.press('Control+k')
      await page.getByRole('combobox').fill('le')
    },
  },
  {
    name: 'mention',
    at: '/board/#/t/billing-migration',
    act: (page) => page.getByRole('textbox', { name: /^Write to/ }).pressSequentially('@la'),
  },
  {
    name: 'undo-send',
    at: '/board/#/t/ledger-index',
    act: async (page) => {
      await page.locator('body').press('r')
      await page.getByRole('textbox', { name: /^Write to/ }).fill('Yes, drop it.')
      await page.keyboard.press('Control+Enter')
      await page.route('**/mcp', (route) => route.abort())
    },
  },
  { name: 'thread', at: '/board/#/t/billing-migration' },
  { name: 'permalink', at: '/board/#/t/billing-migration/5' },
  { name: 'code', at: '/board/#/t/checkout-flaky-tests' },
  {
    name: 'document',
    at: '/board/#/t/customer-interviews-q4',
    act: async (page) => {
      await page.getByRole('button', { name: /^Show all/ }).click()
      await page.locator('.doc-head').scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'document-read',
    at: '/board/#/t/customer-interviews-q4',
    act: async (page) => {
      await page.getByRole('button', { name: /^Show all/ }).click()
      const outline = page.getByRole('button', { name: 'Outline' })
      if ((await outline.getAttribute('aria-expanded')) === 'false') await outline.click()
      await page.getByRole('button', { name: 'Seats or usage' }).click()
    },
  },
  { name: 'strangers', at: '/board/#/t/scratch' },
  { name: 'archived', at: '/board/#/t/auth-refactor' },
  { name: 'missing', at: '/board/#/t/nothing' },
  { name: 'search', at: '/board/#/search?q=dead+letter' },
  { name: 'nothing-found', at: '/board/#/search?q=unicorn' },
  { name: 'connect', at: '/board/#/connect' },
  { name: 'new-thread', at: '/board/#/new' },
  { name: 'connections', at: '/board/#/connections' },
  {
    name: 'woken',
    at: '/board/#/connections',
    act: async (page) => {
      await page.route('**/manage', (route) =>
        route.request().postDataJSON().action === 'list_targets'
          ? route.fulfill({ json: { targets: listWoken() } })
          : route.fallback(),
      )
      await page.reload()
      await page.getByRole('button', { name: 'End what wakes Planner on a server' }).click()
      await page.getByText('Woken by messages').scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'device',
    at: '/board/#/',
    act: (page) => openDevice(page, 'default'),
  },
  {
    name: 'device-on',
    at: '/board/#/',
    act: async (page) => {
      await openDevice(page, 'default')
      await page.getByRole('button', { name: 'Turn on' }).click()
      await page.getByRole('button', { name: 'Send a test' }).click()
      await page.getByText('Sent.').waitFor()
    },
  },
  {
    name: 'device-blocked',
    at: '/board/#/',
    act: (page) => openDevice(page, 'denied'),
  },
  {
    name: 'disconnect',
    at: '/board/#/connections',
    act: async (page) => {
      await page.locator('.cut-ones summary').click()
      await page.getByRole('button', { name: 'Disconnect laptop' }).click()
    },
  },
  { name: 'readers', at: '/board/#/readers' },
  {
    name: 'forget',
    at: '/board/#/readers',
    act: (page) => page.getByRole('button', { name: 'Forget nightly' }).click(),
  },
  {
    name: 'key',
    at: '/board/#/connect',
    act: async (page) => {
      // The relay does not make it, so that the next picture of the connections has no further key.
      const made = { gid: 'a', name: 'tablet', scope: 'mcp', key: `eyJ${'aBcD1234'.repeat(60)}` }
      await page.route('**/manage', (route) => route.fulfill({ json: made }))
      await page.getByLabel('Name of the client').fill('tablet')
      await page.getByLabel('Key of the relay itself').fill(settings.apiKey)
      await page.getByRole('button', { name: 'Make the key' }).click()
      await page.getByLabel('Key of tablet').waitFor()
    },
  },
  {
    name: 'wrong-key',
    at: '/board/#/connect',
    act: async (page) => {
      await page.getByLabel('Name of the client').fill('laptop')
      await page.getByRole('button', { name: 'Make the key' }).click()
    },
  },
  {
    name: 'message-menu',
    at: '/board/#/t/billing-migration',
    act: async (page) => {
      await page.locator('[data-seq="6"]').hover()
      await page.getByRole('button', { name: 'Actions for message 6' }).click()
    },
  },
  { name: 'taken-back', at: '/board/#/t/pricing-notes' },
  {
    name: 'taking-back',
    at: '/board/#/t/hiring-backend',
    act: async (page) => {
      // The relay is not asked, so that the next picture begins with the same text.
      await page.route('**/manage', (route) => route.abort())
      await page.locator('[data-seq="1"]').hover()
      await page.getByRole('button', { name: 'Actions for message 1' }).click()
      await page.getByRole('menuitem', { name: 'Take back this text' }).click()
    },
  },
  {
    name: 'edit-thread',
    at: '/board/#/t/billing-migration',
    act: async (page) => {
      await page.getByRole('button', { name: 'More actions' }).click()
      await page.getByRole('menuitem', { name: 'Name and description' }).click()
    },
  },
  {
    name: 'delete-thread',
    at: '/board/#/t/auth-refactor',
    act: async (page) => {
      await page.getByRole('button', { name: 'More actions' }).click()
      await page.getByRole('menuitem', { name: 'Delete' }).click()
      await page.getByText('Still waiting for an answer').waitFor()
    },
  },
  {
    name: 'archived-menu',
    at: '/board/#/t/auth-refactor',
    act: (page) => page.getByRole('button', { name: 'More actions' }).click(),
  },
  {
    name: 'settings',
    at: '/board/#/',
    act: (page) => page.getByRole('button', { name: 'Settings' }).click(),
  },
  {
    name: 'menu',
    at: '/board/#/t/billing-migration',
    act: (page) => page.getByRole('button', { name: 'More actions' }).click(),
  },
  {
    name: 'help',
    at: '/board/#/t/billing-migration',
    act: (page) => page.locator('body').press('?'),
  },
  {
    name: 'preview',
    at: '/board/#/t/release-2-4',
    act: async (page) => {
      const field = page.getByRole('textbox', { name: /^Write to/ })
      await field.fill('A *draft* with a list:\n\n- [x] one\n- [ ] two')
      await page.getByRole('button', { name: 'Preview' }).click()
    },
  },
  {
    name: 'addressee',
    at: '/board/#/t/billing-migration',
    act: async (page) => {
      await page.getByRole('button', { name: 'To everyone' }).click()
      await page.getByRole('textbox', { name: /^Find a reader/ }).fill('lap')
    },
  },
  {
    name: 'offer',
    at: '/board/#/t/billing-migration',
    act: (page) =>
      page.getByRole('textbox', { name: /^Write to/ }).fill('@laptop-code please look at the sums'),
  },
  {
    name: 'offline',
    at: '/board/#/t/billing-migration',
    act: async (page) => {
      await page.context().setOffline(true)
      await page.getByText('Offline.').waitFor()
    },
  },
  {
    name: 'away',
    at: '/board/#/',
    act: async (page) => {
      await page.evaluate('navigator.serviceWorker.ready.then(() => {})')
      await page.context().setOffline(true)
      await page.reload()
      await page.getByText('Offline.').waitFor()
    },
  },
  {
    name: 'not-sent',
    at: '/board/#/t/billing-migration',
    act: async (page) => {
      await page.context().setOffline(true)
      await page
        .getByRole('textbox', { name: /^Write to/ })
        .fill('This waits until the relay is back.')
      await page.keyboard.press('Control+Enter')
      await page.getByText('Not confirmed yet').waitFor()
    },
  },
]

/** Opens the notifications of the device; headless Chromium has no permissions for them and no push service. */
async function openDevice(page: Page, permission: string) {
  const answer = { key: '', id: 'dev_1', sent: true }
  await page.route('**/manage', (route) => route.fulfill({ json: answer }))
  await page.evaluate(`
    Notification = class {
      static permission = '${permission}'
      static requestPermission = async () => 'granted'
    }
    PushManager.prototype.subscribe = async () => ({ toJSON: () => ({}) })`)
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('menuitem', { name: 'Notify me on this device' }).click()
}

/** Opens a page of the relay in a browser of its own. */
async function open(browser: Browser, origin: string, state: State, options: object) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const [, fragment] = state.at.split('#')
  if (state.signedOut) await page.goto(origin + state.at)
  else {
    await page.goto(await boardAddress(origin, settings, true))
    await page.locator('.app').waitFor()
    await page.evaluate(`location.hash = ${JSON.stringify(fragment)}`)
  }
  await page.waitForTimeout(900)
  await state.act?.(page)
  await page.waitForTimeout(200)
  return { page, context }
}

async function shootAll(browser: Browser, origin: string, folder: string, only?: string[]) {
  await mkdir(folder, { recursive: true })
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const touch = size === 'phone' ? { hasTouch: true, isMobile: true } : {}
      for (const state of STATES.filter(({ name }) => !only || only.includes(name))) {
        const options = { viewport, colorScheme, ...touch }
        const { page, context } = await open(browser, origin, state, options)
        await page.screenshot({ path: join(folder, `${state.name}-${size}-${colorScheme}.png`) })
        await context.close()
      }
    }
  }
}

/** The pictures at the top of the README, and the icons that need pixels. */
async function shootReadme(browser: Browser, origin: string) {
  for (const colorScheme of ['light', 'dark'] as const) {
    const viewport = { width: 1200, height: 720 }
    const state = { name: 'for-you', at: '/board/#/' }
    const { page, context } = await open(browser, origin, state, { viewport, colorScheme })
    await page.screenshot({ path: join(PROJECT, 'docs', 'images', `board-${colorScheme}.png`) })
    await context.close()
  }
  const icon = await readFile(join(PROJECT, 'icon.svg'), 'utf8')
  for (const [size, scale] of [
    [192, 1],
    [512, 0.8],
  ] as const) {
    const page = await browser.newPage({ viewport: { width: size, height: size } })
    // A platform cuts its own shape out of the large one, so its colour reaches the edges.
    const ground = scale < 1 ? '#2454d6' : 'transparent'
    await page.setContent(
      `<style>body{margin:0;display:grid;place-items:center;height:100vh;background:${ground}}svg{width:${scale * 100}%}</style>${icon}`,
    )
    const path = join(PROJECT, 'board', 'public', `icon-${size}.png`)
    await page.screenshot({ path, omitBackground: true })
    await page.close()
  }
}

const { values, positionals } = parseArgs({
  options: { readme: { type: 'boolean' }, measure: { type: 'boolean' } },
  allowPositionals: true,
})
const home = await mkdtemp(join(tmpdir(), 'relay-shots-'))
/** Receivers as the relay would list them; real ones would have to be on the internet. */
function listWoken() {
  const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
  const woken = { kind: 'webhook', created_at: ago(900), is_active: true, waiting_count: 0 }
  return [
    {
      ...woken,
      id: 'sub_1',
      name: 'ChatGPT',
      host: 'connectors.api.openai.com',
      reader_tag: 'chatgpt-planner',
      addressed_only: true,
      expires_at: ago(-700),
      last_delivery_at: ago(4),
    },
    {
      ...woken,
      id: 'sub_2',
      name: 'Planner on a server',
      host: 'hooks.example.com',
      thread_name: 'billing-migration',
      addressed_only: false,
      expires_at: ago(-60),
      failed_since: ago(22),
      last_error: 'timeout',
      waiting_count: 3,
    },
    {
      ...woken,
      id: 'dev_1',
      kind: 'push',
      name: 'Chrome on Android',
      host: 'fcm.googleapis.com',
      reader_tag: 'board',
      addressed_only: true,
      last_delivery_at: ago(2),
    },
    { ...woken, id: 'notify', kind: 'notify', addressed_only: false, last_delivery_at: ago(0) },
  ]
}

const settings = readSettings(PROJECT, { RELAY_DATA: join(home, 'data'), PORT: '0' })
const stack = new Stack(settings, { onLine: () => {}, onNotice: () => {} })
try {
  const origin = (await stack.start(readVersion())) as string
  await unpackChromium(join(home, 'chromium'))
  const browser = await launchChromium(join(home, 'chromium'))
  await seed(origin, settings.apiKey)
  // The person has read all but the last two messages of the thread in the picture.
  await new McpClient(origin, settings.apiKey).call('relay_check_new', {
    reader_tag: 'board',
    thread_name: 'billing-migration',
    ack_seq: 4,
    peek: true,
  })
  if (values.measure) await measure(browser, origin, settings)
  else if (values.readme) await shootReadme(browser, origin)
  else {
    const [folder = '.shots', ...states] = positionals
    await shootAll(browser, origin, folder, states.length > 0 ? states : undefined)
  }
  await browser.close()
} finally {
  await stack.stop()
  await rm(home, { recursive: true, force: true, maxRetries: 5 })
}
process.exit(0)
