/** Times as a person reads them, in their own zone and language. `now` is the relay's time. */

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The age of something: "now", "4 min", "3 h", "2 d", then the date. */
export function formatAge(time: string, now: number): string {
  const age = now - Date.parse(time)
  if (!(age >= MINUTE)) return 'now'
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min`
  if (age < DAY) return `${Math.floor(age / HOUR)} h`
  if (age < 14 * DAY) return `${Math.floor(age / DAY)} d`
  return formatDate(time, now)
}

/** How long something has waited, in words: "1 minute", "26 hours", "2 days". */
export function formatWait(time: string, now: number): string {
  const age = now - Date.parse(time)
  const [unit, length] =
    age < 2 * HOUR ? ['minute', MINUTE] : age < 2 * DAY ? ['hour', HOUR] : ['day', DAY]
  const count = Math.max(1, Math.floor(age / Number(length)))
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

/** A day as a heading: "Today", "Yesterday", "Tuesday 24 November". */
export function formatDay(time: string, now: number): string {
  const day = startOfDay(Date.parse(time))
  const days = Math.round((startOfDay(now) - day) / DAY)
  if (days <= 0) return 'Today'
  if (days === 1) return 'Yesterday'
  const isThisYear = new Date(day).getFullYear() === new Date(now).getFullYear()
  return new Date(day).toLocaleDateString(undefined, {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    ...(!isThisYear && { year: 'numeric' }),
  })
}

/** A key that two times share when they are on one day here. */
export function dayOf(time: string): number {
  return startOfDay(Date.parse(time))
}

export function formatClock(time: string): string {
  return new Date(time).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' })
}

export function formatExact(time: string): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: 'full', timeStyle: 'medium' })
}

/** The clock for today, else the date: for a hit of a search. */
export function formatWhen(time: string, now: number): string {
  return dayOf(time) === startOfDay(now) ? formatClock(time) : formatDate(time, now)
}

/**
 * When something was last used: "Used 3 h ago". The relay notes a use at most once an hour, so it is no more
 * exact than that.
 */
export function formatUse(time: string | undefined, now: number): string {
  if (time === undefined) return 'Never used'
  const age = now - Date.parse(time)
  if (age < HOUR) return 'Used in the last hour'
  return `Used ${formatAge(time, now)}${age < 14 * DAY ? ' ago' : ''}`
}

/** When something will happen: "in 3 days", and on its last day "within a day". */
export function formatDue(time: string, now: number): string {
  const days = Math.floor((Date.parse(time) - now) / DAY) + 1
  return days > 1 ? `in ${days} days` : 'within a day'
}

function formatDate(time: string, now: number): string {
  const date = new Date(time)
  const isThisYear = date.getFullYear() === new Date(now).getFullYear()
  return date.toLocaleDateString(undefined, {
    day: 'numeric',
    month: 'short',
    ...(!isThisYear && { year: 'numeric' }),
  })
}

function startOfDay(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0)
}
