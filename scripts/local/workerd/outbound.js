/**
 * Where the relay's Worker may send requests: its own database, which may be on this machine or on the
 * network around it, and the public internet. It fetches documents whose addresses strangers choose,
 * so nothing else on the private network may be within its reach.
 */
export default {
  fetch(request, env) {
    const { origin } = new URL(request.url)
    return origin === env.databaseOrigin ? env.database.fetch(request) : env.internet.fetch(request)
  },
}
