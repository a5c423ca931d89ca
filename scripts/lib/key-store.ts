/** Where the keys of a relay are kept, as a rotation sees it. Leaf. */
export interface KeyStore {
  /** The file, for a person. */
  place: string
  /** The origin under which clients reach the relay. */
  url: string
  /** The origin at which keys can be tested; undefined if the relay is not running. */
  running: string | undefined
  /** Whether an earlier key is still accepted. */
  isInProgress: boolean
  previous: string | undefined
  machineKey: MachineKey
  /** A rotation that was not completed. */
  interrupted: Rotation | undefined
  /** Returns the current key; with `mustBeCurrent`, makes sure that the relay has no newer one. */
  settleCurrent(mustBeCurrent: boolean): Promise<string>
  /** Saves a rotation before anything is changed. */
  begin(rotation: Rotation): void
  /** Makes the relay use these keys, and no others. */
  set(keys: Keys): Promise<void>
  /** Saves that the relay uses them. */
  complete(keys: Keys): void
}

/** The key for the clients of this machine, as far as it is known here. */
export interface MachineKey {
  kept: string | undefined
  keep(key: string): void
  /** The file, for a person. */
  place: string
}

export interface Keys {
  current: string
  previous?: string | undefined
}

export interface Rotation {
  kind: 'planned' | 'leaked'
  old: string
  key: string
}
