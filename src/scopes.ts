/** The two scopes, and what each allows. Leaf. */

/** `mcp` allows everything, `mcp:read` what changes no content. */
export const SCOPES = ['mcp', 'mcp:read'] as const

export type Scope = (typeof SCOPES)[number]

/** The scope that a scope parameter asks for; other values in it are ignored. None asked is `mcp`. */
export function parseScope(value: string | undefined): Scope | undefined {
  const asked = (value ?? '').split(' ').filter(Boolean)
  if (asked.length === 0 || asked.includes('mcp')) return 'mcp'
  return asked.includes('mcp:read') ? 'mcp:read' : undefined
}

/** Whether a granted scope is enough where another is needed: `mcp` contains `mcp:read`. */
export function allows(granted: Scope, needed: Scope): boolean {
  return granted === 'mcp' || needed === 'mcp:read'
}
