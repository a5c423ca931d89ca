/** Unsent texts by thread; they survive a reload, a sign-in and a crash. */
import { signal } from '@preact/signals'
import { storage } from '../relay/storage.ts'

export interface Draft {
  text: string
  /** The reader it is for; empty for everyone. */
  to: string
}

const PREFIX = 'relay-draft:'

export function loadDraft(thread: string): Draft {
  try {
    const { text, to } = JSON.parse(storage.getItem(PREFIX + thread) ?? '{}')
    return { text: typeof text === 'string' ? text : '', to: typeof to === 'string' ? to : '' }
  } catch {
    return { text: '', to: '' }
  }
}

/** Keeps a draft, or forgets it when there is no text. Returns whether it is kept. */
export function saveDraft(thread: string, draft: Draft): boolean {
  try {
    if (draft.text) storage.setItem(PREFIX + thread, JSON.stringify(draft))
    else storage.removeItem(PREFIX + thread)
    return Boolean(draft.text)
  } catch {
    // The browser's storage is full or switched off: the text stays in its field.
    return false
  }
}

/** The thread whose draft was changed elsewhere than in its field; each change has an object of its own. */
export const changedDraft = signal<{ thread?: string }>({})

// Tabs share the draft of a thread, so they show the same: neither overwrites what it has not shown.
addEventListener('storage', ({ key }) => {
  if (key?.startsWith(PREFIX)) changedDraft.value = { thread: key.slice(PREFIX.length) }
})

/** Puts a text back into the field of its thread, before any text typed there since. */
export function restoreDraft(thread: string, { text, to }: Draft): void {
  const typed = loadDraft(thread).text
  saveDraft(thread, { text: typed ? `${text}\n\n${typed}` : text, to })
  changedDraft.value = { thread }
}

/** Takes the draft along when a thread gets another name, or is found under it. */
export function moveDraft(from: string, to: string): void {
  const draft = loadDraft(from)
  if (!draft.text || from === to) return
  saveDraft(from, { text: '', to: '' })
  restoreDraft(to, draft)
}
