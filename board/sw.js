/**
 * The board's service worker: shows the relay's push messages (src/push/message.ts), opens the message when one is
 * clicked, and has the board's own files for when the relay cannot be reached. The build puts in SHELL, their
 * names, and CACHE, a name that changes with their content.
 */
addEventListener('install', (event) => {
  skipWaiting()
  event.waitUntil(keepShell())
})
addEventListener('activate', (event) => event.waitUntil(takeOver()))
addEventListener('fetch', (event) => {
  const { method, url } = event.request
  if (method === 'GET' && url.startsWith(registration.scope)) event.respondWith(load(event.request))
})
addEventListener('push', (event) => event.waitUntil(show(read(event.data))))
addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(openLink(event.notification.data))
})

async function keepShell() {
  const cache = await caches.open(CACHE)
  await cache.addAll(SHELL)
}

async function takeOver() {
  const names = await caches.keys()
  await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)))
  // Only pages that it controls can be led to a message.
  await clients.claim()
}

/** A file from the relay; the one that was kept only if that cannot be reached, so that none is ever outdated. */
async function load(request) {
  try {
    return await fetch(request)
  } catch (error) {
    const cache = await caches.open(CACHE)
    const kept = await cache.match(request.mode === 'navigate' ? './' : request)
    if (!kept) throw error
    return kept
  }
}

/** The message that was pushed; an empty one if it cannot be read. */
function read(data) {
  try {
    return data.json()
  } catch {
    return {}
  }
}

/** Every push must show something, or the browser withdraws the permission. */
async function show({ type, thread, author, open, link = '', tag }) {
  const [title, body] = {
    message: [`${author} in ${thread}`, 'Addressed to you'],
    test: ['It works', 'This device rings for messages to you.'],
  }[type] ?? ['Relay', 'Something new on the board']
  // With a tag it takes the place of the one before, and rings again.
  const options = { body, tag, renotify: tag !== undefined, data: link, icon: 'icon-192.png' }
  await registration.showNotification(title, options)
  if (open !== undefined) await navigator.setAppBadge?.(open).catch(() => {})
}

/** Leads a board that is open to a link, or opens one. */
async function openLink(link) {
  const { href } = new URL(link, registration.scope)
  const target = href.startsWith(registration.scope) ? href : registration.scope
  const pages = await clients.matchAll({ type: 'window' })
  const board = pages.find(({ url }) => url.startsWith(registration.scope))
  if (!board) return clients.openWindow(target)
  await board.focus()
  await board.navigate(target)
}
