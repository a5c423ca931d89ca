/**
 * createSignIns(): the sign-in that Supabase's program begins in a terminal and a person finishes in the
 * browser. The program's public key comes in the address, and the token goes back encrypted with it.
 */
import { createCipheriv, createECDH, randomBytes } from 'node:crypto'

export function createSignIns(token: string) {
  const sessions = new Map<string, { code: string; key: string }>()
  return {
    /** Does what a person does in the browser at the printed address; returns the code that they see. */
    approve(address: string): string {
      const { searchParams } = new URL(address)
      const code = randomBytes(4).toString('hex')
      const key = searchParams.get('public_key') ?? ''
      sessions.set(searchParams.get('session_id') ?? '', { code, key })
      return code
    },

    /** Answers the program's request for the token. */
    finish(session: string, code: string): [status: number, body: unknown] {
      const approved = sessions.get(session)
      if (approved?.code !== code) return [404, { message: 'Login session not found' }]
      const keys = createECDH('prime256v1')
      keys.generateKeys()
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', keys.computeSecret(approved.key, 'hex'), nonce)
      const sealed = Buffer.concat([cipher.update(token), cipher.final(), cipher.getAuthTag()])
      return [
        200,
        {
          id: session,
          created_at: new Date().toISOString(),
          access_token: sealed.toString('hex'),
          public_key: keys.getPublicKey('hex'),
          nonce: nonce.toString('hex'),
        },
      ]
    },
  }
}
