/**
 * The contents of well-known clients' metadata documents. They are the fallback for documents that cannot
 * be fetched: chatgpt.com refuses many servers outright, and claude.ai has been out of reach at times.
 * The table also adds redirect URIs that a client uses although its document does not list them. Leaf.
 */

/** The fields that the relay uses of a client's metadata document. */
export interface MetadataDocument {
  client_id: string
  client_name: string
  redirect_uris: string[]
}

const CHATGPT_CALLBACK = 'https://chatgpt.com/connector_platform_oauth_redirect'

/** By client id: the client's name, then its redirect URIs. Loopback ones stand for any port. */
const CLIENTS: Readonly<Record<string, readonly [name: string, ...redirectUris: string[]]>> = {
  'https://claude.ai/oauth/mcp-oauth-client-metadata': [
    'Claude',
    'https://claude.ai/api/mcp/auth_callback',
    'https://claude.com/api/mcp/auth_callback',
  ],
  'https://claude.ai/oauth/claude-code-client-metadata': [
    'Claude Code',
    'http://localhost/callback',
    // Sent by Claude's desktop app, which uses the document of Claude Code.
    'claude://claude.ai/mcp-auth-callback/sdk',
  ],
  'https://chatgpt.com/oauth/client.json': ['ChatGPT', CHATGPT_CALLBACK],
  'https://chatgpt.com/oauth/codex/client.json': ['Codex', 'http://127.0.0.1/callback'],
  'https://vscode.dev/oauth/client-metadata.json': [
    'Visual Studio Code',
    'http://127.0.0.1/',
    'https://vscode.dev/redirect',
    'https://insiders.vscode.dev/redirect',
  ],
  'https://opencode.ai/oauth/opencode/client.json': [
    'opencode',
    'http://127.0.0.1/callback',
    // Used, but not in the document: anomalyco/opencode #50510.
    'http://127.0.0.1/mcp/oauth/callback',
  ],
}

/** Whether the relay knows this very URL, so that asking for it cannot make it ask for others. */
export function isWellKnownUrl(url: string): boolean {
  return Object.hasOwn(CLIENTS, url)
}

/** The built-in document of a client id; undefined for a client that is not well known. */
export function findWellKnownClient(url: string): MetadataDocument | undefined {
  const [client_name, ...redirect_uris] = CLIENTS[url] ?? findOpenAiClient(url) ?? []
  return client_name === undefined ? undefined : { client_id: url, client_name, redirect_uris }
}

/**
 * OpenAI publishes a document of its own for each server and each connector, whose id is also the last
 * segment of the callback.
 */
function findOpenAiClient(url: string): readonly [string, ...string[]] | undefined {
  const [, codex, id] =
    /^https:\/\/chatgpt\.com\/oauth\/(codex\/)?([\w-]{1,64})\/client\.json$/.exec(url) ?? []
  if (id === undefined) return undefined
  return codex
    ? ['Codex', `http://127.0.0.1/callback/${id}`]
    : ['ChatGPT', `https://chatgpt.com/connector/oauth/${id}`, CHATGPT_CALLBACK]
}
