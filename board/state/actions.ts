/** The person's actions on a whole thread. */
import { callTool } from '../relay/client.ts'
import { outdateLists, reloadThreads } from './looking.ts'
import { noteFault, say } from './status.ts'
import { patchThread } from './threads.ts'

/** The last call to archive or restore something, and how many there were. */
let archiving: Promise<unknown> = Promise.resolve()
let archivings = 0

/** Archives a thread or restores it, with a way back. */
export async function setArchived(name: string, archived: boolean, mayUndo = true): Promise<void> {
  outdateLists()
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

/** Creates a thread, with a description if there is one. Throws Fault. */
export async function createThread(name: string, description: string): Promise<void> {
  await callTool('relay_create_thread', { name, ...(description && { description }) })
  await reloadThreads()
}
