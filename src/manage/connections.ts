/** Connections: listing and cutting them off, and making a key for one client. */
import * as z from 'zod/mini'
import { RelayError } from '../errors.ts'
import { judgeKey } from '../keys.ts'
import { isNameOfBoard } from '../oauth/board-client.ts'
import { cleanClientName } from '../oauth/client-name.ts'
import { createTokenId, sign } from '../oauth/jwt.ts'
import { SCOPES } from '../scopes.ts'
import { type ActionContext, defineAction } from './action.ts'

const gid = z.string().check(
  z.regex(/^(client:)?[\w-]{1,64}$/, 'must be the gid of a connection, from list_connections'),
  z.refine((value) => value !== 'key', {
    message: 'must not be the key of the relay itself, which npm run rotate replaces',
  }),
)

/** Checked as the names of clients are: each is shown as the `via` of posts. */
const name = z.string().check(
  z.refine((value) => cleanClientName(value) !== '', { message: 'must have a visible character' }),
  z.refine((value) => !isNameOfBoard(cleanClientName(value)), {
    message: 'must not be that of the board, by which posts of the person are known',
  }),
)

export const CONNECTION_ACTIONS = {
  list_targets: defineAction({ inputSchema: z.strictObject({}) }),
  end_target: defineAction({
    inputSchema: z.strictObject({
      id: z.string().check(z.regex(/^\w{1,64}$/, 'must be the id of a target, from list_targets')),
    }),
  }),
  list_connections: defineAction({ inputSchema: z.strictObject({}) }),
  /** `own` is the connection of the caller, which need not know its gid. */
  disconnect: defineAction({
    inputSchema: z.strictObject({ gid }),
    handler: ({ gid }, { caller, run }) => run({ gid: gid === 'own' ? caller.gid : gid }),
  }),
  make_key: defineAction({
    inputSchema: z.strictObject({
      name,
      scope: z._default(z.enum(SCOPES), 'mcp'),
      relay_key: z.optional(z.string()),
    }),
    async handler({ relay_key, scope, ...args }, context) {
      await requireKey(relay_key, context)
      const { config, run, now } = context
      const name = cleanClientName(args.name)
      const gid = createTokenId()
      await run({ gid, name, scope })
      const claims = { sub: config.userId, gid, name, scope }
      const keys = { current: config.apiKey, previous: undefined, issuer: '' }
      return { gid, name, scope, key: await sign('key', claims, keys, now) }
    },
  }),
}

/** A sign-in to the board that someone took over must not make a key that outlives it. Throws RelayError. */
async function requireKey(given: string | undefined, context: ActionContext): Promise<void> {
  const { caller, config, countGuess } = context
  if (caller.gid === 'key') return
  if (given === undefined) {
    throw new RelayError('invalid_arguments', 'relay_key is required: the key of the relay itself.')
  }
  switch (await judgeKey(given, config, countGuess)) {
    case 'wrong':
      throw new RelayError('wrong_key', 'relay_key is not the key of the relay itself.')
    case 'limited':
      throw new RelayError('too_many_guesses', 'Too many wrong keys. Try again in a minute.')
  }
}
