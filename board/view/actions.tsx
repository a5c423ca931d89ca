/** The items of a message's menu that answer or change the message, for a sign-in that may. */
import { isReadOnly } from '../relay/sign-in.ts'
import type { Message } from '../relay/types.ts'
import { answer } from '../state/answering.ts'
import { takeBack } from '../state/taking-back.ts'
import type { MenuItem } from './menu.tsx'

export function messageActions(thread: string, message: Message): MenuItem[] {
  if (isReadOnly.value || message.redacted) return []
  return [
    { label: 'Answer', run: () => answer(thread, message) },
    { label: 'Take back this text', hasLine: true, run: () => takeBack(thread, message) },
  ]
}
