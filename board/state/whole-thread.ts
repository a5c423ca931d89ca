/** A whole thread as text: to save, or for another session. */
import { fileName, writeContext, writeDocument } from '../text/export.ts'
import { readAll, readLatest } from './reading.ts'
import { noteFault, say } from './status.ts'
import { findThread } from './threads.ts'

/** Saves the whole thread as a file. */
export async function download(name: string): Promise<void> {
  try {
    const messages = await readAll(name, (done, total) => {
      if (total > 500)
        say(`Reading ${done.toLocaleString()} of ${total.toLocaleString()} messages …`)
    })
    const text = writeDocument(name, findThread(name)?.description ?? '', messages)
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([text], { type: 'text/markdown' }))
    link.download = fileName(name)
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
    say(`Saved ${fileName(name)}`)
  } catch (error) {
    say(noteFault(error).message)
  }
}

/** The latest messages of a thread as text for another session. Throws Fault. */
export async function contextOf(name: string): Promise<string> {
  return writeContext(name, await readLatest(name))
}
