/**
 * The person's actions on one message. Text that is taken back is gone from the page at once, and from the
 * relay after a time in which that can be undone; closing or hiding the page ends this time.
 */
import { manage } from '../relay/manage.ts'
import type { Message } from '../relay/types.ts'
import { excerptAround } from '../text/words.ts'
import { markDone, noteSettledHere } from './for-you.ts'
import { reloadThreads } from './looking.ts'
import { noteFault, say } from './status.ts'
import { tellTabs } from './tabs.ts'
import { replaceMessage } from './transcript.ts'
import { delay } from './undo.ts'

/** Characters that the toast shows of a message that is done. */
const DONE_LENGTH = 40

/** Takes back a message's text and metadata, after a few seconds. */
export function takeBack(thread: string, message: Message): void {
  const { metadata: _, content_length: __, open: ___, ...rest } = message
  const restore = () => replaceMessage(thread, message)
  replaceMessage(thread, { ...rest, content: '', redacted: true })
  const { seq } = message
  const act = () => {
    noteSettledHere(thread)
    void finish(manage('redact_message', { thread_name: thread, seq }), restore)
  }
  const text = `#${seq} taken back for everyone. Sessions that have read it have read it.`
  delay(text, act, restore)
}

/** One after the other: the relay keeps the last one to reach it. */
let settling: Promise<unknown> = Promise.resolve()

/** Marks a message to the person as one that needs no answer, or takes that back. */
export function settle(thread: string, message: Message, settled = true): void {
  const { open: _, ...rest } = message
  const show = (isDone: boolean) => {
    replaceMessage(thread, isDone ? rest : message)
    markDone(thread, message, isDone)
  }
  show(settled)
  const args = { thread_name: thread, seq: message.seq, settled }
  const call = settling.then(() => manage('settle_message', args))
  settling = call.catch(() => {})
  void finish(call, () => show(!settled))
  const undo = { label: 'Undo', run: () => settle(thread, message, false) }
  if (settled) say(`Done: “${excerptAround(message.content, [], DONE_LENGTH)}”`, undo)
}

async function finish(call: Promise<unknown>, revert: () => void): Promise<void> {
  try {
    await call
    tellTabs('managed')
  } catch (error) {
    revert()
    say(noteFault(error).message)
  }
  await reloadThreads()
}
