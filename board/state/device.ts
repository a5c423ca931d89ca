/** Notifications of this device, also while the board is closed: the service worker, and Web Push to it. */
import { signal } from '@preact/signals'
import { Fault } from '../relay/fault.ts'
import { manage } from '../relay/manage.ts'
import { isReadOnly, isSignedIn, toBase64Url, unsubscribe } from '../relay/sign-in.ts'
import { storage } from '../relay/storage.ts'
import { describeObstacle, nameDevice } from '../text/device.ts'
import { DEVICE_STORE } from './settings.ts'
import { say } from './status.ts'

/** Milliseconds within which a service worker starts. */
const START_LIMIT = 20_000

/** The relay's id of this device; undefined while it does not ring. */
export const device = signal(storage.getItem(DEVICE_STORE) ?? undefined)

// Another tab may have turned it on or off.
addEventListener('storage', ({ key, newValue }) => {
  if (key === DEVICE_STORE) device.value = newValue ?? undefined
})

/** Trusted Types, which not every browser has. */
interface Policies {
  createPolicy(
    name: string,
    rules: { createScriptURL: () => string },
  ): { createScriptURL(given: string): string }
}

/** The only script address that the page's Content Security Policy lets code set. */
const policy = (globalThis as { trustedTypes?: Policies }).trustedTypes?.createPolicy(
  'relay-board',
  {
    createScriptURL: () => 'sw.js',
  },
)

/** Registers the service worker, and brings the subscription of this device up to date. */
export async function startDevice(): Promise<void> {
  // Only https, and this machine, have them.
  if (!('serviceWorker' in navigator)) return
  try {
    await register()
    if (isSignedIn.peek() && !isReadOnly.peek()) await renew()
  } catch {
    // The next start tries again.
  }
}

/** Why this device cannot ring, for the person; undefined if it can. */
export function findObstacle(): string | undefined {
  return describeObstacle({
    isSecure: isSecureContext,
    hasPush: ['PushManager', 'Notification', 'ServiceWorker'].every((each) => each in globalThis),
    isDenied: globalThis.Notification?.permission === 'denied',
    isInstalled: matchMedia('(display-mode: standalone)').matches,
    agent: navigator.userAgent,
    touchPoints: navigator.maxTouchPoints,
  })
}

/** Asks for the permission, and lets this device ring. Throws Fault. */
export async function turnOn(): Promise<void> {
  if ((await Notification.requestPermission()) !== 'granted') {
    throw new Fault(
      'refused',
      findObstacle() ?? 'Nothing was allowed, so this device does not ring.',
    )
  }
  await register()
  try {
    await subscribe()
  } catch (error) {
    await unsubscribe()
    throw error
  }
}

/** Stops the notifications of this device. */
export async function turnOff(): Promise<void> {
  const id = device.peek()
  await unsubscribe()
  keep(undefined)
  // If the relay is away, it learns it from the push service, with its next message.
  if (id) await manage('end_target', { id }).catch(() => {})
}

/** Sends a test message to this device. Returns `sent`, `ended` or the kind of failure. Throws Fault. */
export async function sendTest(): Promise<string> {
  const { sent, ended = false, error = '' } = await manage('test_device', { id: device.peek() })
  if (ended) await turnOff()
  return sent ? 'sent' : ended ? 'ended' : error
}

function register(): Promise<unknown> {
  const address = policy?.createScriptURL('') ?? 'sw.js'
  return navigator.serviceWorker.register(address)
}

/** Adds the device again if the relay has another key now, or no longer has the device. */
async function renew(): Promise<void> {
  const registration = await navigator.serviceWorker.getRegistration()
  const known = await registration?.pushManager?.getSubscription()
  if (!known) {
    if (!device.peek()) return
    await turnOff()
    return say('This device no longer rings: the browser has ended its notifications.')
  }
  const [{ key }, { targets }] = await Promise.all([manage('push_key'), manage('list_targets')])
  const isSameKey = keyOf(known) === key
  if (isSameKey && targets.some(({ id }) => id === device.peek())) return
  await subscribe()
  if (!isSameKey) say('The relay has a new key. The notifications of this device were renewed.')
}

/** Subscribes at the browser's push service with the relay's key, and adds the device to the relay. */
async function subscribe(): Promise<void> {
  const { pushManager } = await whenActive()
  const { key } = await manage('push_key')
  const known = await pushManager.getSubscription()
  // A browser refuses a second subscription with another key.
  if (known && keyOf(known) !== key) await known.unsubscribe()
  const options = { userVisibleOnly: true, applicationServerKey: key }
  const subscription = await pushManager.subscribe(options).catch(({ message }: Error) => {
    throw new Fault('refused', `The browser’s push service refuses: ${message}`)
  })
  const { endpoint, keys } = subscription.toJSON()
  const label = nameDevice(navigator.userAgent, navigator.maxTouchPoints)
  const { id } = await manage('add_device', { endpoint, ...keys, label })
  const before = device.peek()
  keep(id)
  if (before && before !== id) await manage('end_target', { id: before }).catch(() => {})
}

/** The registration, once its worker runs: without one, no browser subscribes. */
function whenActive(): Promise<ServiceWorkerRegistration> {
  const { promise, resolve, reject } = Promise.withResolvers<ServiceWorkerRegistration>()
  void navigator.serviceWorker.ready.then(resolve)
  const error = new Fault('refused', 'The board could not be installed here. Reload the page.')
  setTimeout(() => reject(error), START_LIMIT)
  return promise
}

function keyOf({ options }: PushSubscription): string {
  return toBase64Url(new Uint8Array(options.applicationServerKey ?? []))
}

function keep(id: string | undefined): void {
  device.value = id
  if (id) storage.setItem(DEVICE_STORE, id)
  else storage.removeItem(DEVICE_STORE)
}
