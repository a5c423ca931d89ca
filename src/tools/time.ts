/** Times as clients write them. Leaf. */

/**
 * Completes the parts that clients leave out: a date is its midnight, a time without a zone is in the one
 * given, and a zone may lack its colon. Anything else is returned as it is, for isTime() to refuse.
 */
export function completeTime(value: string, missingZone: string): string {
  const parts = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?(.*))?$/.exec(
    value.trim(),
  )
  if (!parts) return value
  const [, date, time = '00:00:00', zone = ''] = parts
  return `${date}T${time}${completeZone(zone || missingZone)}`
}

function completeZone(zone: string): string {
  if (zone === 'z') return 'Z'
  return zone.replace(/^([+-]\d\d):?(\d\d)?$/, (_, hours, minutes = '00') => `${hours}:${minutes}`)
}

/**
 * Whether a completed time is one of RFC 3339. Postgres itself would take "tomorrow", and refuse the
 * year 0 and zones that no place has.
 */
export function isTime(value: string): boolean {
  const [, day] =
    /^(?!0000)\d{4}-\d\d-(\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/.exec(
      value,
    ) ?? []
  if (!day) return false
  // Date.parse() takes February 31 for March 3.
  const wallClock = Date.parse(`${value.slice(0, 10)}T00:00:00Z`)
  return !Number.isNaN(Date.parse(value)) && new Date(wallClock).getUTCDate() === Number(day)
}
