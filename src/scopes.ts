/** The two scopes and their permissions. Leaf. */

/** `mcp` allows everything, `mcp:read` everything that does not change content. */
export const SCOPES = ['mcp', 'mcp:read'] as const

export type Scope = (typeof SCOPES)[number]

/** The scope that a `scope` parameter asks for, the wider of two; others in it are ignored. */
export function parseScope(parameter: string | null): Scope | undefined {
  const asked = (parameter ?? '').split(' ')
  return SCOPES.find((scope) => asked.includes(scope))
}

/** Whether a granted scope is enough where another is needed: `mcp` contains `mcp:read`. */
export function allows(granted: Scope, needed: Scope): boolean {
  return granted === 'mcp' || needed === 'mcp:read'
}
