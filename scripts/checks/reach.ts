/** Checks whether the address leads to a relay, and whether all clients get through to it. */
import { lookup } from 'node:dns/promises'
import { isLoopback } from '../../src/loopback.ts'
import type { Answer } from '../lib/mcp-client.ts'
import { type Check, type Finding, failed, ok, warning } from './check.ts'
import { deploy, setSetting } from './fixes.ts'
import { SETTING_IDS } from './settings.ts'
import { describeCause, type Subject } from './subject.ts'

const deployForAddress = (subject: Subject) => `Run ${deploy(subject)}: it prints the address.`

const START_TUNNEL = 'If it is behind a tunnel: start the tunnel again.'

/** The dashboard asks for the zone. */
const RULES = 'https://dash.cloudflare.com/?to=/:account/:zone'

const url: Check = {
  id: 'url',
  why: 'Clients use the address of the relay followed by /mcp, and send the key there.',
  async look({ url, origin }) {
    if (!/^\/(mcp)?$/.test(url.pathname) || url.search) {
      return failed('RELAY_URL has a path other than /mcp.', `RELAY_URL=${origin} npm run doctor`)
    }
    if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
      const secure = `https://${url.host}`
      return failed(
        'RELAY_URL is http, so the key would be sent in clear text.',
        `RELAY_URL=${secure} npm run doctor`,
      )
    }
    return ok(origin)
  },
}

const dns: Check = {
  id: 'dns',
  needs: ['url'],
  why: 'No client can find the relay.',
  async look(subject) {
    const { url, health } = subject
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    try {
      const found = await lookup(host, { all: true })
      const answer = await health().catch(() => undefined)
      if (answer?.status === 530) return reportUnresolved(subject, answer)
      return ok(found.map(({ address }) => address).join(', '))
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException
      if (code === 'ENOTFOUND') {
        const seen = `${host} is not in the DNS.`
        return subject.isLocal
          ? failed(
              seen,
              setSetting(subject, 'RELAY_PUBLIC_URL'),
              'Its value: the current address of the tunnel.',
            )
          : failed(
              seen,
              deployForAddress(subject),
              'A new custom domain takes a few minutes.',
              START_TUNNEL,
            )
      }
      return failed(`The DNS lookup failed (${code}).`, 'Check that this machine is online.')
    }
  },
}

/** Cloudflare's 530: the name resolves, but no origin answers for it. The page names the error. */
function reportUnresolved(subject: Subject, answer: Answer): Finding {
  const { isLocal, url } = subject
  const { code } = cloudflareError(answer)
  const seen = `Cloudflare returns 530${code && `, error ${code}`}: the name has no working origin.`
  if (isLocal || code === '1033') return failed(seen, 'Start the tunnel again.')
  return failed(
    seen,
    deploy(subject),
    `To attach the name, add [[routes]] with pattern = "${url.hostname}" and custom_domain = true to ` +
      'wrangler.toml. Its zone must be in the same account. A new domain takes a few minutes.',
  )
}

const reachable: Check = {
  id: 'reachable',
  needs: ['dns'],
  why: 'No client can connect.',
  async look(subject) {
    const { url, health, isLocal } = subject
    try {
      const answer = await health()
      const { status } = answer
      // A Worker has no origin server that could be down.
      if (status < 502 || cloudflareError(answer).isOurs) return ok(`${status}`)
      const seen = `A proxy in front of the relay returns ${status}: it cannot reach the relay.`
      return isLocal
        ? failed(seen, 'npm start')
        : failed(seen, deploy(subject), `Its output must list ${url.hostname}; see wrangler.toml.`)
    } catch (error) {
      const cause = describeCause(error as Error)
      if (/CERT|SSL|TLS|SIGNATURE|ISSUER/.test(cause)) {
        return failed(
          `The certificate is not valid (${cause}).`,
          'Behind a company proxy: NODE_EXTRA_CA_CERTS=proxy.pem npm run doctor',
          'For a new custom domain, the certificate takes a few minutes.',
        )
      }
      const { home } = subject
      if (home && !home.isRunning) {
        return failed(`The relay of ${home.dataDirectory} is not running.`, 'npm start')
      }
      const seen = `${url.host} does not answer (${cause}).`
      if (isLocal && isLoopback(url.hostname)) return failed(seen, 'npm start')
      if (isLocal) return failed(seen, 'Start the tunnel again.')
      return failed(seen, deployForAddress(subject), START_TUNNEL)
    }
  },
}

/** Whether the answer is the relay's own; otherwise the error that Cloudflare's page names. */
function cloudflareError({ body }: Answer): { isOurs: boolean; code: string } {
  const [, code = ''] = /error(?: code:)? (\d{4})/i.exec(typeof body === 'string' ? body : '') ?? []
  return { isOurs: body?.service === 'relay-mcp', code }
}

const relay: Check = {
  id: 'relay',
  needs: ['reachable'],
  why: 'Clients expect the relay at this address.',
  async look(subject) {
    const { url, isLocal } = subject
    const { status, headers, body } = await subject.health()
    if (body?.service === 'relay-mcp') return ok('relay-mcp')
    if (status >= 300 && status < 400) {
      const to = URL.parse(headers.get('location') ?? '', url.href)?.origin ?? 'nowhere'
      return failed(
        `${url.origin} redirects to ${to}.`,
        `If the relay is there: RELAY_URL=${to} npm run doctor`,
        `Otherwise remove the rule that redirects ${url.host}: ${RULES}/rules`,
      )
    }
    if (status === 421) {
      return failed(
        `The relay does not answer to the name ${url.hostname}.`,
        setSetting(subject, 'RELAY_PUBLIC_URL'),
        `Its value: ${url.origin}`,
      )
    }
    if (status === 401 || status === 403) {
      return failed(
        `Something in front of the relay returns ${status}, so requests never reach the relay.`,
        `Exempt ${url.hostname} from Access policies, challenges and rules: ${RULES}/security`,
      )
    }
    return failed(
      `Something other than a relay answers (${status}).`,
      isLocal
        ? 'Another program uses this port. Choose another: npm start -- --port 8788'
        : deployForAddress(subject),
    )
  },
}

const version: Check = {
  id: 'version',
  needs: ['relay'],
  why: 'An older relay lacks features that the doctor checks, and 0.1.0 loses messages.',
  async look(subject) {
    const { version: there } = (await subject.health()).body
    if (there === subject.version) return ok(there)
    const seen = `The relay runs ${there}, and this folder has ${subject.version}.`
    const isOld = /^0\.1\./.test(there)
    return isOld ? failed(seen, deploy(subject)) : warning(seen, deploy(subject))
  },
}

const endpoint: Check = {
  id: 'endpoint',
  needs: SETTING_IDS,
  why: 'Clients post to /mcp and learn from its 401 how to sign in. They do not follow redirects.',
  async look({ url, relay }) {
    const { status, headers } = await relay.legacy('ping', {}, { authorization: undefined })
    if (status >= 300 && status < 400) {
      const { origin = '', pathname = '' } =
        URL.parse(headers.get('location') ?? '', url.href) ?? {}
      return failed(
        `/mcp redirects to ${origin}${pathname}.`,
        `Remove the rule that redirects ${url.host}/mcp: ${RULES}/rules`,
      )
    }
    if (status === 401 && headers.get('www-authenticate')?.startsWith('Bearer ')) {
      return ok('401 with a challenge')
    }
    return failed(
      `POST /mcp without a key returns ${status} instead of 401 with a challenge.`,
      `Let requests for ${url.host}/mcp through to the relay: ${RULES}/security`,
    )
  },
}

const claudeUser: Check = {
  id: 'claude-user',
  needs: ['endpoint'],
  why: 'Claude.ai, Cowork, Desktop and the phone apps connect with the user agent Claude-User. If it is blocked, they sign in and then nothing happens.',
  async look({ url, relay }) {
    const agent = { 'user-agent': 'Claude-User' }
    const { status } = await relay.legacy('ping', {}, { ...agent, authorization: undefined })
    const path = '/.well-known/oauth-protected-resource/mcp'
    const found = await relay.fetch(path, { headers: agent })
    const usual = await relay.fetch(path)
    if (status === 401 && found.status === usual.status) return ok('allowed')
    return failed(
      `The user agent Claude-User gets ${status === 401 ? found.status : status}, while others get through.`,
      `Turn "Block AI bots" off for ${url.hostname}: ${RULES}/security/settings`,
      `Allow Claude-User under AI Crawl Control: ${RULES}/ai`,
      'Addresses on workers.dev have no such rules.',
    )
  },
}

export const reachChecks = [url, dns, reachable, relay, version]
export const endpointChecks = [endpoint, claudeUser]
