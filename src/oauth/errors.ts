/** OAuthError: an error of an OAuth endpoint, with the code that its RFC gives it. Leaf. */

/** RFC 6749 sections 4.1.2.1 and 5.2, RFC 7591 section 3.2.2, RFC 8707 section 2. */
export type OAuthErrorCode =
  | 'access_denied'
  | 'invalid_client'
  | 'invalid_client_metadata'
  | 'invalid_grant'
  | 'invalid_redirect_uri'
  | 'invalid_request'
  | 'invalid_scope'
  | 'invalid_target'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'

export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly code: OAuthErrorCode
  readonly status: number

  constructor(
    code: OAuthErrorCode,
    message: string,
    status = code === 'invalid_client' ? 401 : 400,
  ) {
    super(message)
    this.code = code
    this.status = status
  }
}
