/** A second Worker next to the relay's, because only a Worker can call another one's `scheduled`. */
export default {
  async fetch(_request, env) {
    await env.RELAY.scheduled({ scheduledTime: new Date(), cron: '' })
    return new Response()
  },
}
