/**
 * Adds the `Date` header to the relay's answers, as Cloudflare's edge does. The board corrects the ages of
 * messages by it when the clock of its device is wrong.
 */
import relay from 'relay'

export default {
  ...relay,
  async fetch(request, env, context) {
    const response = await relay.fetch(request, env, context)
    response.headers.set('date', new Date().toUTCString())
    return response
  },
}
