/** The kind of screen that the board is on. */
import { signal } from '@preact/signals'

const query = matchMedia('(max-width: 760px)')

/** Whether list and pane do not fit next to each other. */
export const isNarrow = signal(query.matches)

query.addEventListener('change', () => {
  isNarrow.value = query.matches
})
