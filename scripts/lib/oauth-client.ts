/** A public OAuth client that performs single steps for the checks, which judge the answers. */
import { createHash, randomBytes } from 'node:crypto'
import type { Answer, McpClient } from './mcp-client.ts'

export interface OAuthClientOptions {
  /** The origin of the relay, as its clients know it. */
  origin: string
  name: string
  redirectUri: string
}

type Fields = Record<string, string>

export class OAuthClient {
  readonly #relay: McpClient
  readonly #name: string
  readonly #verifier = randomBytes(32).toString('base64url')
  /** The authorization request; register() adds the client id. */
  readonly #request: Fields & { redirect_uri: string; state: string }

  constructor(relay: McpClient, { origin, name, redirectUri }: OAuthClientOptions) {
    this.#relay = relay
    this.#name = name
    this.#request = {
      redirect_uri: redirectUri,
      response_type: 'code',
      code_challenge: createHash('sha256').update(this.#verifier).digest('base64url'),
      code_challenge_method: 'S256',
      state: randomBytes(8).toString('hex'),
      resource: `${origin}/mcp`,
    }
  }

  get state(): string {
    return this.#request.state
  }

  async register(): Promise<Answer> {
    const answer = await this.registerFor(this.#request.redirect_uri)
    this.#request.client_id = answer.body?.client_id ?? ''
    return answer
  }

  registerFor(redirectUri: string): Promise<Answer> {
    return this.#relay.fetch('/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: this.#name, redirect_uris: [redirectUri] }),
    })
  }

  /** Requests the consent page. */
  consentPage(): Promise<Answer> {
    return this.#relay.fetch(`/authorize?${new URLSearchParams(this.#request)}`)
  }

  /** Posts the form of the consent page; `fields` add to its fields or replace them. */
  allow(key: string, fields: Fields = {}): Promise<Answer> {
    return this.#post('/authorize', { ...this.#request, api_key: key, ...fields })
  }

  exchange(code: string, verifier: string = this.#verifier): Promise<Answer> {
    return this.#token({
      grant_type: 'authorization_code',
      code,
      redirect_uri: this.#request.redirect_uri,
      code_verifier: verifier,
    })
  }

  refresh(refreshToken: string, fields: Fields = {}): Promise<Answer> {
    return this.#token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...fields })
  }

  #token(fields: Fields): Promise<Answer> {
    return this.#post('/token', { client_id: this.#request.client_id ?? '', ...fields })
  }

  #post(path: string, fields: Fields): Promise<Answer> {
    return this.#relay.fetch(path, { method: 'POST', body: new URLSearchParams(fields) })
  }
}

/** Reads the parameters with which the browser is redirected to the client. */
export function readRedirect({ headers }: Answer): URLSearchParams {
  return URL.parse(headers.get('location') ?? '')?.searchParams ?? new URLSearchParams()
}
