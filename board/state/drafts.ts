/** Unsent texts by thread; they survive a reload, a sign-in and a crash. */
import { signal } from '@preact/signals'
import { storage } from '../relay/storage.ts'

/** The message that a text answers. */
export interface Quoted {
  seq: number
  /** Its author, as a name and as the reader that the answer goes to; empty where there is none. */
  name: string
  to: string
  /** Its beginning, on one line. */
  line: string
}

export interface Draft {
  text: string
  /** The reader it is for; empty for everyone. */
  to: string
  reply?: Quoted
}

const PREFIX = 'relay-draft:'

/** Characters from which a draft is not kept at each key: writing it would take longer than typing it. */
const LONG = 10_000

/** Milliseconds after the last key. */
const PAUSE = 300

/** A long draft that is not kept yet. */
let unsaved: { thread: string; draft: Draft; timer: number } | undefined

addEventListener('pagehide', saveNow)

function saveNow(): void {
  if (!unsaved) return
  const { thread, draft, timer } = unsaved
  clearTimeout(timer)
  unsaved = undefined
  keep(thread, draft)
}

/** The threads that hold a text which was not sent. */
export const drafted = signal<ReadonlySet<string>>(findDrafted())

function findDrafted(): Set<string> {
  const all = Object.keys(storage).filter((key) => key.startsWith(PREFIX))
  const names = all.map((key) => key.slice(PREFIX.length))
  return new Set(names.filter((name) => loadDraft(name).text !== ''))
}

function noteDraft(thread: string, hasText: boolean): void {
  if (drafted.peek().has(thread) === hasText) return
  const next = new Set(drafted.peek())
  if (hasText) next.add(thread)
  else next.delete(thread)
  drafted.value = next
}

export function loadDraft(thread: string): Draft {
  if (unsaved?.thread === thread) return unsaved.draft
  try {
    const { text, to, reply } = JSON.parse(storage.getItem(PREFIX + thread) ?? '{}')
    return {
      text: typeof text === 'string' ? text : '',
      to: typeof to === 'string' ? to : '',
      ...(typeof reply?.seq === 'number' && { reply }),
    }
  } catch {
    return { text: '', to: '' }
  }
}

/** The reader that a text goes to: with an answer, whom it answers. */
export function addresseeOf({ to, reply }: Draft): string {
  return reply ? reply.to : to
}

/** Keeps a draft, or forgets it when there is nothing in it. Returns whether it is kept, or will be. */
export function saveDraft(thread: string, draft: Draft): boolean {
  noteDraft(thread, draft.text.trim() !== '')
  if (unsaved && unsaved.thread !== thread) saveNow()
  clearTimeout(unsaved?.timer)
  unsaved = undefined
  if (draft.text.length < LONG) return keep(thread, draft)
  unsaved = { thread, draft, timer: setTimeout(saveNow, PAUSE) }
  return true
}

function keep(thread: string, draft: Draft): boolean {
  try {
    const isEmpty = !draft.text && !draft.to && !draft.reply
    if (isEmpty) storage.removeItem(PREFIX + thread)
    else storage.setItem(PREFIX + thread, JSON.stringify(draft))
    return true
  } catch {
    // The browser's storage is full or switched off: the text stays in its field.
    return false
  }
}

/**
 * The thread whose draft was changed elsewhere than in its field, and whether the person wants to write on;
 * each change has an object of its own.
 */
export const changedDraft = signal<{ thread?: string; focuses?: boolean }>({})

// Tabs share the draft of a thread, so they show the same: neither overwrites what it has not shown.
addEventListener('storage', ({ key }) => {
  if (!key?.startsWith(PREFIX)) return
  changedDraft.value = { thread: key.slice(PREFIX.length) }
  drafted.value = findDrafted()
})

/** Puts a text back into the field of its thread, before any text typed there since. */
export function restoreDraft(thread: string, { text, to, reply }: Draft, focuses = true): void {
  const typed = loadDraft(thread).text
  saveDraft(thread, { text: typed ? `${text}\n\n${typed}` : text, to, ...(reply && { reply }) })
  changedDraft.value = { thread, focuses }
}

/** Makes the draft of a thread an answer to a message, and moves the focus to its field. */
export function quote(thread: string, reply: Quoted): void {
  saveDraft(thread, { ...loadDraft(thread), reply })
  changedDraft.value = { thread, focuses: true }
}

/** Takes the draft along when a thread gets another name, or is found under it. */
export function moveDraft(from: string, to: string): void {
  const draft = loadDraft(from)
  if (from === to) return
  saveDraft(from, { text: '', to: '' })
  if (draft.text || draft.reply) restoreDraft(to, draft, false)
}
