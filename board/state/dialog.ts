/** The dialog about a thread that is open: above the panes, because the thread's own may change its name. */
import { signal } from '@preact/signals'

export const threadDialog = signal<{ about: 'edit' | 'delete'; thread: string } | undefined>(
  undefined,
)
