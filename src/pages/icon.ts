/** The icon, for browser tabs and listings; icon.svg in the project's root is the same. */
const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><title>Relay</title><rect width="64" height="64" rx="14" fill="#2454d6"/><path d="M14 14h26a4 4 0 0 1 4 4v10a4 4 0 0 1-4 4H24l-8 7v-7h-2a4 4 0 0 1-4-4V18a4 4 0 0 1 4-4z" fill="#fff"/><path d="M49 29h1a4 4 0 0 1 4 4v11a4 4 0 0 1-4 4h-2v7l-8-7H28a4 4 0 0 1-4-4v-4l3-3h13a9 9 0 0 0 9-8z" fill="#8fb0ff"/></svg>'

/** The same inside a page, where the word stands next to it. */
export const LOGO = ICON.replace('<title>Relay</title>', '').replace(
  '<svg',
  '<svg aria-hidden="true"',
)

/** Answers /icon.svg. It changes at most once per release. */
export function serveIcon(): Response {
  return new Response(ICON, {
    headers: {
      'content-type': 'image/svg+xml',
      'cache-control': 'public, max-age=86400',
      // Opened by itself it is a document, which may neither load nor run anything.
      'content-security-policy': "default-src 'none'",
      'x-content-type-options': 'nosniff',
    },
  })
}
