/** OAuthError: an error of an OAuth endpoint, with the code that its RFC gives it. Leaf. */

/** RFC 6749 sections 4.1.2.1 (`temporarily_unavailable` too) and 5.2, RFC 7591 section 3.2.2, RFC 8707 section 2. */
export type OAuthErrorCode =
  | 'access_denied'
  | 'invalid_client'
  | 'invalid_client_metadata'
  | 'invalid_grant'
  | 'invalid_redirect_uri'
  | 'invalid_request'
  | 'invalid_scope'
  | 'invalid_target'
  | 'temporarily_unavailable'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'

const STATUSES: Partial<Record<OAuthErrorCode, number>> = {
  invalid_client: 401,
  temporarily_unavailable: 503,
}

export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly code: OAuthErrorCode
  readonly status: number

  constructor(code: OAuthErrorCode, message: string, status = STATUSES[code] ?? 400) {
    super(message)
    this.code = code
    this.status = status
  }
}
