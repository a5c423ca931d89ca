/** The browser's storage; where the person has blocked it, memory, which ends with the page. */

type Kept = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'clear'>

/** Whether anything outlives the page. */
export let canStore = true

/** For this tab. */
export const tabStorage = open(() => sessionStorage)

/** For this browser, shared by its tabs. */
export const storage = open(() => localStorage)

function open(get: () => Storage): Kept {
  try {
    return get()
  } catch {
    canStore = false
    const kept = new Map<string, string>()
    return {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
      clear: () => kept.clear(),
    }
  }
}
