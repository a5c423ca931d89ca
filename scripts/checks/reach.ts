/** Whether the address leads to a relay, and whether all clients get through to it. */
import { lookup } from 'node:dns/promises'
import { isLoopback } from '../../src/loopback.ts'
import type { Answer } from '../lib/mcp-client.ts'
import { type Check, type Finding, failed, ok, warning } from './check.ts'
import { deploy, setSetting } from './fixes.ts'
import { SETTING_IDS } from './settings.ts'
import { causeOf, type Subject } from './subject.ts'

const DEPLOY = 'npx wrangler deploy, which prints the address.'

/** The dashboard asks which zone. */
const RULES = 'https://dash.cloudflare.com/?to=/:account/:zone'

const url: Check = {
  id: 'url',
  needs: [],
  writes: false,
  why: 'Clients are given the address of the relay with /mcp behind it, and send the key there.',
  async look({ url, origin }) {
    if (!/^\/(mcp)?$/.test(url.pathname) || url.search) {
      return failed(
        'RELAY_URL has more behind the host than /mcp.',
        `RELAY_URL=${origin} npm run doctor`,
      )
    }
    if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
      const secure = `https://${url.host}`
      return failed(
        'RELAY_URL is http: the key would travel in clear text.',
        `RELAY_URL=${secure} npm run doctor`,
      )
    }
    return ok(origin)
  },
}

const dns: Check = {
  id: 'dns',
  needs: ['url'],
  writes: false,
  why: 'Nobody finds the relay.',
  async look(subject) {
    const { url, health } = subject
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    try {
      const found = await lookup(host, { all: true })
      const answer = await health().catch(() => undefined)
      if (answer?.status === 530) return unresolved(subject, answer)
      return ok(found.map(({ address }) => address).join(', '))
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException
      if (code === 'ENOTFOUND') {
        const seen = `There is no ${host} in the DNS.`
        return subject.isLocal
          ? failed(seen, setSetting(subject, 'RELAY_PUBLIC_URL'), 'The address of the tunnel, now.')
          : failed(seen, DEPLOY, 'A new custom domain takes some minutes.')
      }
      return failed(`No name can be looked up (${code}).`, 'Bring this machine online.')
    }
  },
}

/** Cloudflare's 530: the name is known, and nothing is behind it. The page says which error it is. */
function unresolved({ isLocal, url }: Subject, answer: Answer): Finding {
  const { code } = cloudflareError(answer)
  const seen = `Cloudflare answers 530${code && `, error ${code}`}: it finds nothing behind the name.`
  if (isLocal || code === '1033') return failed(seen, 'Start the tunnel again.')
  return failed(
    seen,
    'npx wrangler deploy',
    `In wrangler.toml, [[routes]] with pattern = "${url.hostname}" and custom_domain = true attaches ` +
      'the name, if its zone is in the same account. A new one takes some minutes.',
  )
}

const reachable: Check = {
  id: 'reachable',
  needs: ['dns'],
  writes: false,
  why: 'No client gets an answer.',
  async look(subject) {
    const { url, health, isLocal } = subject
    try {
      const answer = await health()
      const { status } = answer
      // A Worker has no server behind it that could be away.
      if (status < 502 || cloudflareError(answer).isOurs) return ok(`${status}`)
      const seen = `Something before the relay answers ${status}: it reaches nothing behind it.`
      return isLocal
        ? failed(seen, 'npm start')
        : failed(seen, 'npx wrangler deploy', `It must list ${url.hostname}; see wrangler.toml.`)
    } catch (error) {
      const cause = causeOf(error as Error)
      if (/CERT|SSL|TLS|SIGNATURE|ISSUER/.test(cause)) {
        return failed(
          `The certificate is not good (${cause}).`,
          'NODE_EXTRA_CA_CERTS=proxy.pem npm run doctor, behind the proxy of a company.',
          'That of a new custom domain takes some minutes.',
        )
      }
      const seen = `${url.host} does not answer (${cause}).`
      return failed(seen, isLocal ? 'npm start' : DEPLOY)
    }
  },
}

/** Whether the answer is the relay's own, and else which error Cloudflare's page names. */
function cloudflareError({ body }: Answer): { isOurs: boolean; code: string } {
  const [, code = ''] = /error(?: code:)? (\d{4})/i.exec(typeof body === 'string' ? body : '') ?? []
  return { isOurs: body?.service === 'relay-mcp', code }
}

const relay: Check = {
  id: 'relay',
  needs: ['reachable'],
  writes: false,
  why: 'Clients look for the relay here.',
  async look(subject) {
    const { url, isLocal } = subject
    const { status, headers, body } = await subject.health()
    if (body?.service === 'relay-mcp') return ok('relay-mcp')
    if (status >= 300 && status < 400) {
      const to = URL.parse(headers.get('location') ?? '', url.href)?.origin ?? 'nowhere'
      return failed(
        `${url.origin} redirects to ${to}.`,
        `RELAY_URL=${to} npm run doctor, if the relay is there.`,
        `Else let no rule redirect ${url.host}: ${RULES}/rules`,
      )
    }
    if (status === 421) {
      return failed(
        `The relay has another name than ${url.hostname}.`,
        setSetting(subject, 'RELAY_PUBLIC_URL'),
        `Its value: ${url.origin}`,
      )
    }
    if (status === 401 || status === 403) {
      return failed(
        `Something before the relay answers ${status}, and the relay is never asked.`,
        `Exempt ${url.hostname} from Access policies, challenges and rules: ${RULES}/security`,
      )
    }
    return failed(
      `Something other than a relay answers (${status}).`,
      isLocal ? 'PORT=8788 npm start, since another program has this port.' : DEPLOY,
    )
  },
}

const version: Check = {
  id: 'version',
  needs: ['relay'],
  writes: false,
  why: 'An older relay lacks what the doctor looks at, and 0.1.0 loses messages.',
  async look(subject) {
    const { version: there } = (await subject.health()).body
    if (there === subject.version) return ok(there)
    const seen = `${there} runs there, and ${subject.version} is in this folder.`
    const isOld = /^0\.1\./.test(there)
    return isOld ? failed(seen, deploy(subject)) : warning(seen, deploy(subject))
  },
}

const endpoint: Check = {
  id: 'endpoint',
  needs: SETTING_IDS,
  writes: false,
  why: 'Clients post to /mcp, and learn by a 401 how to sign in. They follow no redirect.',
  async look({ url, relay }) {
    const { status, headers } = await relay.legacy('ping', {}, { authorization: undefined })
    if (status >= 300 && status < 400) {
      const { origin = '', pathname = '' } =
        URL.parse(headers.get('location') ?? '', url.href) ?? {}
      return failed(
        `/mcp redirects to ${origin}${pathname}.`,
        `Let no rule redirect ${url.host}/mcp: ${RULES}/rules`,
      )
    }
    if (status === 401 && headers.get('www-authenticate')?.startsWith('Bearer ')) {
      return ok('401 with a challenge, without a key')
    }
    return failed(
      `POST /mcp without a key is answered with ${status}, and not with 401 and a challenge.`,
      `Let nothing before the relay answer for ${url.host}/mcp: ${RULES}/security`,
    )
  },
}

const claudeUser: Check = {
  id: 'claude-user',
  needs: ['endpoint'],
  writes: false,
  why: 'Claude.ai, and with it Cowork, Desktop and the phone, come as the user agent Claude-User: they sign in, and then nothing happens.',
  async look({ url, relay }) {
    const agent = { 'user-agent': 'Claude-User' }
    const { status } = await relay.legacy('ping', {}, { ...agent, authorization: undefined })
    const path = '/.well-known/oauth-protected-resource/mcp'
    const found = await relay.fetch(path, { headers: agent })
    const usual = await relay.fetch(path)
    if (status === 401 && found.status === usual.status) return ok('let through')
    return failed(
      `The user agent Claude-User gets ${status === 401 ? found.status : status}, others get through.`,
      `"Block AI bots" off for ${url.hostname}: ${RULES}/security/settings`,
      `Claude-User allowed under AI Crawl Control: ${RULES}/ai`,
      'An address on workers.dev is under no such rules.',
    )
  },
}

export const reachChecks = [url, dns, reachable, relay, version]
export const endpointChecks = [endpoint, claudeUser]
