/**
 * Which client a client id stands for. A client id is the URL of a metadata document, or a
 * signed statement from the registration endpoint, which needs no store.
 */
import { BOARD_CLIENT_PATH, boardClient, unlikeBoard } from './board-client.ts'
import { type SigningKeys, verify } from './jwt.ts'
import { type DocumentFault, fetchMetadataDocument, isDocumentUrl } from './metadata-documents.ts'

export interface Client {
  client_id: string
  /** Unverified: a client may call itself anything. */
  client_name: string
  redirect_uris: string[]
  /** The host that vouches for the name, for a client with a metadata document. */
  host?: string
  /** Whether it is the relay's own board, whose name and address need no doubt. */
  isBoard?: true
}

/** The client, or why there is none. A metadata document may have to be fetched. */
export async function findClient(
  clientId: string,
  keys: SigningKeys,
  now: number,
  mayFetch: () => Promise<boolean>,
): Promise<Client | 'unknown' | DocumentFault> {
  if (isBoard(clientId, keys)) return { ...boardClient(keys.issuer), isBoard: true }
  if (isDocumentUrl(clientId, keys.issuer)) {
    const document = await fetchMetadataDocument(clientId, now, mayFetch)
    if (typeof document === 'string') return document
    const client_name = unlikeBoard(document.client_name)
    return { ...document, client_name, host: new URL(clientId).host }
  }
  const registered = await verify('client', clientId, keys, now)
  if (!registered) return 'unknown'
  const { name, redirect_uris } = registered
  return { client_id: clientId, client_name: unlikeBoard(name), redirect_uris }
}

/**
 * Whether a client id could be one of ours: asked at the token endpoint, where the document behind a
 * URL adds nothing, since code and refresh token name the client that they were issued to.
 */
export async function isKnownClient(
  clientId: string,
  keys: SigningKeys,
  now: number,
): Promise<boolean> {
  if (isBoard(clientId, keys) || isDocumentUrl(clientId, keys.issuer)) return true
  return (await verify('client', clientId, keys, now)) !== undefined
}

function isBoard(clientId: string, { issuer }: SigningKeys): boolean {
  return clientId === issuer + BOARD_CLIENT_PATH
}
