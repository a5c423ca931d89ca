/** Cleans a pasted answer. Leaf. */

/**
 * Removes the wrapping of a copied value: `DATABASE_URL=`, in a file of settings also
 * under another name if a URL follows, and quotes around all of it.
 */
export function cleanPasted(answer: string, variable: string): string {
  const name = new RegExp(
    `^(?:export\\s+)?(?:${variable}\\s*=\\s*|[A-Z][A-Z0-9_]*=(?=["'“‘\`]?[a-z]+://))`,
  )
  const value = answer.trim().replace(name, '')
  const [, , inner] = QUOTED.exec(value) ?? []
  return (inner ?? value).trim()
}

const QUOTED = /^(["'`“‘])(.*)["'`”’];?$/s
