/** Checks whether a client can sign in, by reading the metadata and by signing in. Leaves no trace. */
import { OAuthClient, readRedirect } from '../lib/oauth-client.ts'
import { type Check, expectThat, failed, ok, unknown, warning } from './check.ts'
import { readLog, setSetting, thenDeploy } from './fixes.ts'
import { readDiagnosis, type Subject } from './subject.ts'

const limits: Check = {
  id: 'rate-limits',
  needs: ['key'],
  writes: false,
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
  writes: false,
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

const reportElsewhere = ({ home }: Subject) =>
  unknown(`Not checked: OAuth is served at ${home?.publicUrl} only.`)

function readChallenge(headers: Headers): string | undefined {
  return /resource_metadata="([^"]*)"/.exec(headers.get('www-authenticate') ?? '')?.[1]
}

const roundTrip: Check = {
  id: 'oauth.round-trip',
  needs: ['era.legacy', 'oauth.issuer'],
  writes: false,
  why: 'Clients that do not send the key sign in this way.',
  async look(subject) {
    const { origin, relay } = subject
    if (isElsewhere(subject)) return reportElsewhere(subject)
    const redirectUri = 'http://127.0.0.1:3118/callback'
    const client = new OAuthClient(relay, { origin, name: 'relay-mcp doctor', redirectUri })
    const stop = (step: string, status: number) =>
      failed(`Sign-in stops at ${step} (${status}).`, readLog(subject))

    const registered = await client.register()
    if (registered.status === 429) {
      const fix = 'Run npm run doctor again in a minute.'
      return failed('Too many clients registered from this address (429).', fix)
    }
    if (registered.status !== 201) return stop('/register', registered.status)
    const page = await client.consentPage()
    if (page.status !== 200) return stop('the consent page', page.status)
    // People paste keys with white space around them.
    const allowed = await client.allow(` ${subject.key}\n`)
    const answer = readRedirect(allowed)
    if (allowed.status !== 302 || answer.get('state') !== client.state) {
      return stop('the consent form', allowed.status)
    }
    const tokens = await client.exchange(answer.get('code') ?? '')
    if (tokens.status !== 200) return stop('/token', tokens.status)
    const refreshed = await client.refresh(tokens.body.refresh_token)
    if (refreshed.status !== 200) return stop('the refresh at /token', refreshed.status)
    const authorization = `Bearer ${refreshed.body.access_token}`
    const { status, body } = await relay.legacy('ping', {}, { authorization })
    return body.result ? ok('signed in and refreshed') : stop('/mcp with a token', status)
  },
}

const refusals: Check = {
  id: 'oauth.refusals',
  needs: ['oauth.round-trip'],
  writes: true,
  why: 'Otherwise someone else could get in, or a token could do more than it may.',
  async look(subject) {
    const { origin, relay, key } = subject
    const redirectUri = 'https://smoke.example/callback'
    const client = new OAuthClient(relay, { origin, name: 'Smoke test', redirectUri })
    await client.register()
    const script = await client.registerFor('javascript:alert(1)')
    expectThat(script.status === 400, '400 for a script as redirect URI', script.status)
    const page = await client.consentPage()
    const policy = page.headers.get('content-security-policy') ?? ''
    expectThat(policy.includes("frame-ancestors 'none'"), 'a page that cannot be framed', policy)
    const stolen = await client.allow(key, { redirect_uri: 'https://evil.example/callback' })
    expectThat(stolen.status === 400, '400 for another redirect URI', stolen.status)
    const wrong = await client.allow('wrong')
    expectThat(!wrong.headers.has('location'), 'no code for a wrong key', wrong.status)
    const answer = readRedirect(await client.allow(key))
    const code = answer.get('code') ?? ''
    const isReturned = answer.get('state') === client.state && answer.get('iss') === origin
    expectThat(isReturned, 'state and iss next to the code', [...answer.keys()])
    const swapped = await client.exchange(code, 'x'.repeat(43))
    const { error } = swapped.body
    expectThat(error === 'invalid_grant', 'invalid_grant for a wrong verifier', swapped.body)
    const { access_token, refresh_token = '' } = (await client.exchange(code)).body
    const authorization = (token: string) => ({ authorization: `Bearer ${token}` })
    const listed = await relay.legacy('tools/list', {}, authorization(access_token))
    expectThat(listed.status === 200, 'the tools with a token', listed.status)
    const misused = await relay.legacy('ping', {}, authorization(refresh_token))
    expectThat(misused.status === 401, '401 for a refresh token at the endpoint', misused.status)
    const narrow = (await client.refresh(refresh_token, { scope: 'mcp:read' })).body
    expectThat(narrow.scope === 'mcp:read', 'a token for reading only', narrow.scope)
    const params = { name: 'relay_post_message', arguments: {} }
    const posted = await relay.legacy('tools/call', params, authorization(narrow.access_token))
    expectThat(posted.status === 403, '403 for a post with it', posted.status)
    return ok('all refused')
  },
}

export const oauthChecks = [limits, issuer, roundTrip, refusals]
