/** The person's actions on a whole thread. */
import { callTool } from '../relay/client.ts'
import { fileName, writeContext, writeDocument } from '../text/export.ts'
import { readAll, readLatest } from './reading.ts'
import { noteFault, say } from './status.ts'
import { findThread, patchThread, reloadThreads } from './threads.ts'

/** The last call to archive or restore something, and how many there were. */
let archiving: Promise<unknown> = Promise.resolve()
let archivings = 0

/** Archives a thread or restores it, with a way back. */
export async function setArchived(name: string, archived: boolean, mayUndo = true): Promise<void> {
  patchThread(name, { archived })
  archivings += 1
  const own = archivings
  // One after the other: the relay keeps the last one to reach it.
  const call = archiving.then(() =>
    callTool('relay_archive_thread', { thread_name: name, archived }),
  )
  archiving = call.catch(() => {})
  try {
    await call
    const undo = { label: 'Undo', run: () => void setArchived(name, !archived, false) }
    say(`${name} ${archived ? 'archived' : 'restored'}`, mayUndo ? undo : undefined)
  } catch (error) {
    patchThread(name, { archived: !archived })
    say(noteFault(error).message)
  }
  // A list read before the next of them would bring back the state before it.
  if (own === archivings) await reloadThreads()
}

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
    say(`${messages.length.toLocaleString()} messages saved`)
  } catch (error) {
    say(noteFault(error).message)
  }
}

/** The latest messages of a thread as text for another session. Throws Fault. */
export async function contextOf(name: string): Promise<string> {
  return writeContext(name, await readLatest(name))
}

/** Creates a thread, with a description if there is one. Throws Fault. */
export async function createThread(name: string, description: string): Promise<void> {
  await callTool('relay_create_thread', { name, ...(description && { description }) })
  await reloadThreads()
}
