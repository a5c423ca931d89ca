/** The metadata documents, RFC 9728 and RFC 8414, from the constants that the endpoints enforce. */
import { SCOPES } from '../scopes.ts'

/** Grant types that the token endpoint accepts. */
export const GRANT_TYPES = ['authorization_code', 'refresh_token'] as const

export const RESPONSE_TYPE = 'code'

export const CODE_CHALLENGE_METHOD = 'S256'

/** Clients are public: none has a secret. */
export const TOKEN_ENDPOINT_AUTH_METHOD = 'none'

/** Protected resource metadata, RFC 9728, of the resource as the client spells it. */
export function protectedResourceMetadata(resource: string): object {
  return {
    resource,
    authorization_servers: [new URL(resource).origin],
    scopes_supported: SCOPES,
    bearer_methods_supported: ['header'],
    resource_name: 'Relay',
  }
}

/** Authorization server metadata, RFC 8414. */
export function authorizationServerMetadata(issuer: string): object {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
    scopes_supported: SCOPES,
    response_types_supported: [RESPONSE_TYPE],
    grant_types_supported: GRANT_TYPES,
    code_challenge_methods_supported: [CODE_CHALLENGE_METHOD],
    token_endpoint_auth_methods_supported: [TOKEN_ENDPOINT_AUTH_METHOD],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
  }
}
