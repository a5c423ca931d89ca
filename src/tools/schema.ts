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
    const { $schema, ...rest } = z.toJSONSchema(schema, {
      io: 'input',
      unrepresentable: 'any',
      override: ({ jsonSchema: part }) => leaveOutDefaults(part),
    })
    known = rest as ObjectSchema
    schemas.set(schema, known)
  }
  return known
}

/** Leaves out what says nothing: each tool list is read by a model, and paid for. */
function leaveOutDefaults(part: z.core.JSONSchema.BaseSchema): void {
  if (part.minimum === Number.MIN_SAFE_INTEGER) delete part.minimum
  if (part.maximum === Number.MAX_SAFE_INTEGER) delete part.maximum
  const { additionalProperties } = part
  if (typeof additionalProperties === 'object' && Object.keys(additionalProperties).length === 0) {
    delete part.additionalProperties
  }
}
