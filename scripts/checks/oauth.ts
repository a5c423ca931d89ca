/**
 * Checks whether a client can sign in, by reading the metadata and by signing in. Leaves a connection that is
 * cut off.
 */
import { createHash, randomBytes } from 'node:crypto'
import { decodeJwt } from 'jose'
import { callManage } from '../lib/manage.ts'
import { type Check, failed, ok, unknown, warning } from './check.ts'
import { readLog, setSetting, thenDeploy } from './fixes.ts'
import { readDiagnosis, type Subject } from './subject.ts'

const limits: Check = {
  id: 'rate-limits',
  needs: ['key'],
  why: 'Without them, nothing slows down guessing the key.',
  async look(subject) {
    if ((await readDiagnosis(subject)).rate_limits) return ok('bound')
    return warning(
      'The rate limits GUESSES and REGISTRATIONS are not bound.',
      `Keep the [[ratelimits]] in wrangler.toml, ${thenDeploy(subject)}`,
    )
  },
}

const issuer: Check = {
  id: 'oauth.issuer',
  needs: ['key', 'endpoint'],
  why: 'Clients compare the addresses in the metadata with the address they received, byte for byte, and stop at any difference.',
  async look(subject) {
    const { origin, relay } = subject
    const diagnosis = await readDiagnosis(subject)
    if (isElsewhere(subject)) {
      return ok(`tokens are issued for ${diagnosis.issuer} (RELAY_PUBLIC_URL)`)
    }
    const fix = [setSetting(subject, 'RELAY_PUBLIC_URL'), `Its value: ${origin}`]
    if (diagnosis.issuer !== origin) {
      return failed(
        `Tokens are issued for ${diagnosis.issuer}, not for ${origin}.`,
        `Use that address in your clients, and check it: RELAY_URL=${diagnosis.issuer} npm run doctor`,
        'Or keep the address your clients already have:',
        ...fix,
      )
    }
    const path = '/.well-known/oauth-protected-resource/mcp'
    const { body: resource } = await relay.fetch(path)
    const { body: server } = await relay.fetch('/.well-known/oauth-authorization-server')
    const { headers } = await relay.legacy('ping', {}, { authorization: undefined })
    const seen = [
      ['resource', resource.resource, `${origin}/mcp`],
      ['authorization_servers', resource.authorization_servers?.[0], origin],
      ['issuer', server.issuer, origin],
      ['token_endpoint', server.token_endpoint, `${origin}/token`],
      ['resource_metadata', readChallenge(headers), `${origin}${path}`],
    ]
    const wrong = seen.find(([, value, right]) => value !== right)
    if (!wrong) return ok(origin)
    return failed(`${wrong[0]} is ${wrong[1] ?? 'missing'}, not ${wrong[2]}.`, ...fix)
  },
}

/** At home with a tunnel, OAuth is served under the name of the tunnel only. */
function isElsewhere({ home, origin }: Subject): boolean {
  return home?.publicUrl !== undefined && home.publicUrl !== origin
}

function readChallenge(headers: Headers): string | undefined {
  return /resource_metadata="([^"]*)"/.exec(headers.get('www-authenticate') ?? '')?.[1]
}

const roundTrip: Check = {
  id: 'oauth.round-trip',
  needs: ['era.legacy', 'oauth.issuer'],
  why: 'Clients that do not send the key sign in this way.',
  async look(subject) {
    const { origin, relay, key, home } = subject
    if (isElsewhere(subject)) {
      return unknown(`Not checked: OAuth is served at ${home?.publicUrl} only.`)
    }
    const stop = (step: string, status: number) =>
      failed(`Sign-in stops at ${step} (${status}).`, readLog(subject))
    const post = (path: string, fields: Record<string, string>) =>
      relay.fetch(path, { method: 'POST', body: new URLSearchParams(fields) })

    const redirect_uri = 'http://127.0.0.1:3118/callback'
    const registered = await relay.fetch('/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: 'relay-mcp doctor', redirect_uris: [redirect_uri] }),
    })
    if (registered.status === 429) {
      const fix = 'Run npm run doctor again in a minute.'
      return failed('Too many clients registered from this address (429).', fix)
    }
    if (registered.status !== 201) return stop('/register', registered.status)
    const { client_id } = registered.body
    const verifier = randomBytes(32).toString('base64url')
    const asked = {
      client_id,
      redirect_uri,
      response_type: 'code',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      state: randomBytes(8).toString('hex'),
      resource: `${origin}/mcp`,
    }
    const page = await relay.fetch(`/authorize?${new URLSearchParams(asked)}`)
    if (page.status !== 200) return stop('the consent page', page.status)
    // People paste keys with white space around them.
    const allowed = await post('/authorize', { ...asked, api_key: ` ${key}\n` })
    const answer = URL.parse(allowed.headers.get('location') ?? '')?.searchParams
    if (allowed.status !== 302 || answer?.get('state') !== asked.state) {
      return stop('the consent form', allowed.status)
    }
    const tokens = await post('/token', {
      grant_type: 'authorization_code',
      client_id,
      code: answer.get('code') ?? '',
      redirect_uri,
      code_verifier: verifier,
    })
    if (tokens.status === 503) return unknown('Not checked: /token needs the database.')
    if (tokens.status !== 200) return stop('/token', tokens.status)
    const { refresh_token } = tokens.body
    const refreshed = await post('/token', {
      grant_type: 'refresh_token',
      client_id,
      refresh_token,
    })
    if (refreshed.status !== 200) return stop('the refresh at /token', refreshed.status)
    const authorization = `Bearer ${refreshed.body.access_token}`
    const { status, body } = await relay.legacy('ping', {}, { authorization })
    // A sign-in is a connection, and this one is of no further use.
    const { gid } = decodeJwt(refreshed.body.access_token)
    if (gid !== undefined) await callManage({ url: new URL(origin), key }, 'disconnect', { gid })
    return body.result ? ok('signed in and refreshed') : stop('/mcp with a token', status)
  },
}

export const oauthChecks = [limits, issuer, roundTrip]
