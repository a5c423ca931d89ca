/** Devices that ring for messages to the person: adding one, and trying it. Ending one is end_target. */
import * as z from 'zod/mini'
import { RelayError } from '../errors.ts'
import { cleanClientName } from '../oauth/client-name.ts'
import {
  type Device,
  deviceId,
  isGone,
  push,
  readEndpoint,
  readKeys,
  sealKeys,
} from '../push/device.ts'
import { testText } from '../push/message.ts'
import { vapidKey } from '../push/vapid.ts'
import { defineAction } from './action.ts'

const endpoint = z.string().check(
  z.refine((value) => readEndpoint(value) !== undefined, {
    message: 'must be the https address that a known push service issued',
  }),
)

const label = z.string().check(
  z.refine((value) => cleanClientName(value) !== '', {
    message: 'must have a visible character',
  }),
)

const id = z.string().check(z.regex(/^dev_\w{1,60}$/, 'must be the id of a device'))

export const DEVICE_ACTIONS = {
  /** The key that a browser subscribes with. */
  push_key: defineAction({
    inputSchema: z.strictObject({}),
    async handler(args, { config, run }) {
      await run(args)
      return { key: (await vapidKey(config.apiKey)).publicKey }
    },
  }),
  /** Adding a device again renews it, also under another sign-in. */
  add_device: defineAction({
    inputSchema: z.strictObject({ endpoint, p256dh: z.string(), auth: z.string(), label }),
    async handler({ endpoint, p256dh, auth, label }, { caller, config, origin, run }) {
      if (caller.gid === 'key') {
        const message = 'Only a sign-in to the board can add a device, which ends with it.'
        throw new RelayError('may_not_manage', message)
      }
      const keys = await readKeys(p256dh, auth)
      if (!keys) {
        const message = 'p256dh must be a public key on P-256 and auth 16 bytes, in base64url.'
        throw new RelayError('invalid_arguments', message)
      }
      const url = readEndpoint(endpoint) as string
      const id = await deviceId(url)
      const secret = await sealKeys(keys, id, config)
      return run({ id, url, secret, label: cleanClientName(label), origin })
    },
  }),
  /** Sends one message now, and says which kind of answer the push service had. */
  test_device: defineAction({
    inputSchema: z.strictObject({ id }),
    async handler(args, { config, run }) {
      const reply = await push(await run<Device>(args), undefined, testText, config)
      if (reply !== 'ended' && reply.ok) return { sent: true }
      const ended = reply === 'ended' || isGone(reply)
      if (ended) await run(args, 'end_target')
      return { sent: false, ...(reply !== 'ended' && { error: reply.failure }), ended }
    },
  }),
}
