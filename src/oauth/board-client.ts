/**
 * The board as an OAuth client: its metadata document, which the relay serves and resolves without a
 * fetch. Its name is reserved, because posts of the person are known by it (`via`).
 */
import { hashClientId } from './jwt.ts'
import type { MetadataDocument } from './well-known-clients.ts'

/** Where the document is served; with the origin before it, the client id. */
export const BOARD_CLIENT_PATH = '/board/client.json'

/** The `via` of posts from the board. The board compares with it: board/relay/types.ts. */
export const BOARD_NAME = 'Relay board'

/** The hash of the board's client id at that origin, as the rows of its grants have it. */
export function boardClientHash(issuer: string): Promise<string> {
  return hashClientId(issuer + BOARD_CLIENT_PATH)
}

/** The document for a relay at that origin. */
export function boardClient(issuer: string): MetadataDocument {
  return {
    client_id: issuer + BOARD_CLIENT_PATH,
    client_name: BOARD_NAME,
    redirect_uris: [`${issuer}/board/`],
  }
}

/**
 * Whether a cleaned name is the board's, also in other letters: capitals, spaces, or forms that NFKC makes
 * equal. Letters of another script that look the same still pass.
 */
export function isNameOfBoard(name: string): boolean {
  const plain = (text: string) => text.normalize('NFKC').toLowerCase().replaceAll(/\s+/g, '')
  return plain(name) === plain(BOARD_NAME)
}

/** The name of another client, which must not be the board's. */
export function unlikeBoard(name: string): string {
  return isNameOfBoard(name) ? `${name} (an app)` : name
}
