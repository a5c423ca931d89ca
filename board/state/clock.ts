/** Texts that change as time passes: ages, and the names of days. */
import { computed, signal } from '@preact/signals'
import { relayNow } from '../relay/client.ts'
import { dayOf } from '../text/time.ts'

/** Changes every half minute, so that an age is never a minute late. */
export const minute = signal(0)
setInterval(() => {
  minute.value += 1
}, 30_000)

/** The start of today. */
export const today = computed(() => {
  minute.value
  return dayOf(new Date(relayNow()).toISOString())
})
