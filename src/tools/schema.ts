/** JSON Schema of what a tool or a prompt takes and gives. Leaf. */
import * as z from 'zod/mini'

export interface Property {
  type?: string | string[]
  minimum?: number
  description?: string
}

export interface ObjectSchema {
  type: 'object'
  properties?: Record<string, Property>
  required?: string[]
}

/** What z.toJSONSchema makes of each schema, made once: it takes longer than a whole call. */
const schemas = new WeakMap<z.ZodMiniObject, ObjectSchema>()

/** JSON Schema 2020-12 of what a client sends. The dialect is MCP's default, so it is not named. */
export function jsonSchema(schema: z.ZodMiniObject): ObjectSchema {
  let known = schemas.get(schema)
  if (!known) {
    const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
    known = rest as ObjectSchema
    schemas.set(schema, known)
  }
  return known
}
