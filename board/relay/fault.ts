/** Why a call to the relay failed, as the board tells them apart. */

/**
 * `refused`: the caller can correct it. `failed`: the relay or its database. `offline`: the relay cannot
 * be reached. `signed_out`: no token works any more. `read_only`: the token may not write.
 */
export type FaultKind = 'refused' | 'failed' | 'offline' | 'signed_out' | 'read_only'

export class Fault extends Error {
  override readonly name = 'Fault'
  readonly kind: FaultKind
  /** The relay's error code, such as `thread_not_found`. */
  readonly code: string | undefined

  constructor(kind: FaultKind, message: string, code?: string) {
    super(message)
    this.kind = kind
    this.code = code
  }
}

/** Takes anything thrown; anything but a Fault becomes one that says so. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error
  return new Fault('failed', error instanceof Error ? error.message : String(error))
}
