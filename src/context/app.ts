/**
 * The MCP App: the board as a view in a chat, attached to relay_list_threads (SEP-1865, 2026-01-26). It is
 * off unless RELAY_APP is set. Whether the client announces the extension does not matter: hosts render
 * a declared view, and the declaration costs the others nothing. Leaf.
 */

export const APP_URI = 'ui://relay/board.html'

const MIME_TYPE = 'text/html;profile=mcp-app'

/** The tool that the view belongs to. */
export const APP_TOOL = 'relay_list_threads'

/** For `capabilities` in both protocol eras. */
export const APP_CAPABILITIES = {
  extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: [MIME_TYPE] } },
}

/** For the `_meta` of the tool; hosts of 2025 read the flat key. */
export const APP_TOOL_META = { ui: { resourceUri: APP_URI }, 'ui/resourceUri': APP_URI }

/** No domain and no CSP: the view loads nothing, and hosts refuse a domain that they do not expect. */
const _meta = { ui: { prefersBorder: true } }

export const APP_RESOURCE = {
  uri: APP_URI,
  name: 'board',
  title: 'Board',
  description: 'The threads of this relay, as a view for a person.',
  mimeType: MIME_TYPE,
  _meta,
}

/** The view, as resources/read answers it. */
export function appContents(html: string): Record<string, unknown> {
  return { contents: [{ uri: APP_URI, mimeType: MIME_TYPE, text: html, _meta }] }
}
