/** The dialogs that are open: above the panes, because a thread's own may change its name. */
import { signal } from '@preact/signals'

export const threadDialog = signal<{ about: 'edit' | 'delete'; thread: string } | undefined>(
  undefined,
)

/** Whether the field for everything is shown. */
export const isPaletteOpen = signal(false)

/** Whether the notifications of this device are shown. */
export const isDeviceOpen = signal(false)

/** Whether the keyboard shortcuts are shown. */
export const isHelpOpen = signal(false)
