/** The person's actions on a thread that only they can perform: renaming, describing, deleting. */
import { manage } from '../relay/manage.ts'
import { moveDraft, saveDraft } from './drafts.ts'
import { reloadThreads } from './looking.ts'
import { moveMuted } from './muted.ts'
import { moveOutgoing } from './outbox.ts'
import { go, route } from './route.ts'
import { moveAnnounced } from './settings.ts'
import { say } from './status.ts'
import { tellTabs } from './tabs.ts'
import { dropThread, patchThread } from './threads.ts'

/** Sets the description of a thread; an empty one removes it. Throws Fault. */
export async function describeThread(name: string, description: string): Promise<void> {
  await manage('describe_thread', { thread_name: name, ...(description && { description }) })
  patchThread(name, { description })
  // A list that was asked for before the thread is renamed as well would have its old name.
  await finish()
}

/** Gives a thread another name; its address, draft and unsent messages follow. Throws Fault. */
export async function renameThread(name: string, wanted: string): Promise<void> {
  const { thread_name } = await manage('rename_thread', { thread_name: name, name: wanted })
  moveDraft(name, thread_name)
  moveOutgoing(name, thread_name)
  moveAnnounced(name, thread_name)
  moveMuted(name, thread_name)
  patchThread(name, { name: thread_name })
  const to = route.peek()
  if (to.at === 'thread' && to.name === name) go({ ...to, name: thread_name }, true)
  void finish()
}

/** Deletes an archived thread for good. Throws Fault. */
export async function deleteThread(name: string): Promise<void> {
  await manage('delete_thread', { thread_name: name, confirm: name })
  saveDraft(name, { text: '', to: '' })
  moveAnnounced(name)
  moveMuted(name)
  const to = route.peek()
  if (to.at === 'thread' && to.name === name) go({ at: 'home' }, true)
  dropThread(name)
  say(`${name} deleted`)
  void finish()
}

async function finish(): Promise<void> {
  tellTabs('managed')
  await reloadThreads()
}
