/** JSON Schema of the input and output of a tool or a prompt. Leaf. */
import * as z from 'zod/mini'

export interface Property {
  type?: string | string[]
  minimum?: number
  enum?: string[]
  description?: string
}

export interface ObjectSchema {
  type: 'object'
  properties?: Record<string, Property>
  required?: string[]
}

/** The JSON Schema of each schema, made once: it takes longer than a whole call. */
const schemas = new WeakMap<z.ZodMiniObject, ObjectSchema>()

/**
 * JSON Schema 2020-12 of a client's input. The dialect is MCP's default, so it is not named. Written
 * by hand for the few kinds of schema that tools use: z.toJSONSchema covers all kinds, says more than a
 * model needs, and was a tenth of the bundle.
 */
export function jsonSchema(schema: z.ZodMiniObject): ObjectSchema {
  const known = schemas.get(schema) ?? (convert(schema) as unknown as ObjectSchema)
  schemas.set(schema, known)
  return known
}

type Json = Record<string, unknown>

/** Throws for a kind of schema that it does not know, which the test of tools/list would show. */
function convert(schema: z.core.$ZodType): Json {
  return { ...convertKind(schema as z.core.$ZodTypes), ...z.globalRegistry.get(schema) }
}

function convertKind({ _zod: { def } }: z.core.$ZodTypes): Json {
  switch (def.type) {
    case 'string':
    case 'boolean':
      return { type: def.type }
    case 'number':
      return { type: 'integer', ...Object.assign({}, ...(def.checks ?? []).map(convertLimit)) }
    case 'enum':
      return { type: 'string', enum: Object.values(def.entries) }
    case 'array':
      return { type: 'array', items: convert(def.element) }
    case 'object':
      return convertObject(def)
    case 'optional':
      return convert(def.innerType)
    case 'default':
      return { default: def.defaultValue, ...convert(def.innerType) }
    case 'custom':
      return {}
    default:
      throw new Error(`No JSON Schema for ${def.type}`)
  }
}

function convertObject({ shape, catchall }: z.core.$ZodObjectDef): Json {
  const fields = Object.entries(shape)
  const required = fields
    .filter(([, { _zod }]) => _zod.def.type !== 'optional' && _zod.def.type !== 'default')
    .map(([name]) => name)
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map(([name, field]) => [name, convert(field)])),
    ...(required.length > 0 && { required }),
    ...(catchall?._zod.def.type === 'never' && { additionalProperties: false }),
  }
}

/** The limits of a double say nothing: each tool list is read by a model, and paid for. */
function convertLimit({ _zod: { def } }: z.core.$ZodCheck<never>): Json {
  const { check, value } = def as z.core.$ZodCheckLessThanDef | z.core.$ZodCheckGreaterThanDef
  if (!Number.isFinite(value) || Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER) return {}
  return { [check === 'less_than' ? 'maximum' : 'minimum']: value }
}
