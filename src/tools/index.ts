/** The six tools, in the order tools/list shows them. */
import { archiveThread } from './archive-thread.ts'
import { checkNew } from './check-new.ts'
import { createThread } from './create-thread.ts'
import { listThreads } from './list-threads.ts'
import { postMessage } from './post-message.ts'
import { readThread } from './read-thread.ts'
import type { Tool } from './tool.ts'

export const TOOLS: readonly Tool[] = [
  listThreads,
  createThread,
  postMessage,
  readThread,
  checkNew,
  archiveThread,
]
