/** A second Worker next to the relay, because only a Worker can call `scheduled` of another one. */
export default {
  async fetch(_request, env) {
    await env.RELAY.scheduled({ scheduledTime: new Date(), cron: '' })
    return new Response()
  },
}
