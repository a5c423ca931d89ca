/** The lines that connect Claude Code. Where the key may not be shown, they name RELAY_KEY. Leaf. */

/** The command that adds the relay to Claude Code, for a shell. Without a key, the shell fills it in. */
export function formatClaudeCommand(url: string, key: string | undefined): string {
  const header = `Authorization: Bearer ${key ?? '$RELAY_KEY'}`
  const isPlain = key === undefined || /^[\w.~+/=-]+$/.test(key)
  const quoted = isPlain ? `"${header}"` : `'${header.replaceAll("'", "'\\''")}'`
  return `claude mcp add --scope user --transport http relay ${url} --header ${quoted}`
}

/** The contents of .mcp.json. Without a key, Claude Code fills it in from its environment. */
export function formatMcpJson(url: string, key: string | undefined): string {
  const headers = { Authorization: `Bearer ${key ?? `\${RELAY_KEY}`}` }
  return JSON.stringify({ mcpServers: { relay: { type: 'http', url, headers } } }, null, 2)
}
