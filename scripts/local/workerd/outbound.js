/**
 * Decides where the relay's Worker may send requests: to its own database, which may be on this machine
 * or its network, and to the public internet. Strangers choose the addresses of documents that it
 * fetches, so it must not reach anything else on the private network.
 */
export default {
  fetch(request, env) {
    const { origin } = new URL(request.url)
    return origin === env.databaseOrigin ? env.database.fetch(request) : env.internet.fetch(request)
  },
}
