/** The meaning of keys. */
/**
 * Whether a key belongs to an input method that is composing a character. Safari ends the composition before
 * the key that confirms it, which then has only the key code of an input method.
 */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229
}

/** Whether the keyboard has a ⌘. */
export const isMac = /Mac|iP(hone|ad)/.test(navigator.userAgent)
