/**
 * The board's service worker: shows the relay's push messages (src/push/message.ts), and opens the message when
 * one is clicked. It keeps nothing, and answers no requests.
 */
addEventListener('install', () => skipWaiting())
// Only pages that it controls can be led to a message.
addEventListener('activate', (event) => event.waitUntil(clients.claim()))
addEventListener('push', (event) => event.waitUntil(show(read(event.data))))
addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(openLink(event.notification.data))
})

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
