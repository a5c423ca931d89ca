/** The board's addresses: every thread, message, search and filter has one, in the fragment. */
import { signal } from '@preact/signals'

export interface Filters {
  q?: string
  thread?: string
  surface?: string
  from?: string
}

export type Route =
  | { at: 'home' }
  | { at: 'connect' }
  | { at: 'new' }
  | { at: 'connections' }
  | { at: 'readers' }
  | { at: 'thread'; name: string; seq?: number }
  | ({ at: 'search' } & Filters)

const FILTERS = ['q', 'thread', 'surface', 'from'] as const

/** Parses a fragment such as `#/t/billing-migration/62`. Anything unknown is the home. */
function parseRoute(fragment: string): Route {
  const [path = '', query = ''] = fragment.replace(/^#\/?/, '').split('?', 2)
  const [at, name = '', seq = ''] = path.split('/')
  if (at === 'connect' || at === 'new' || at === 'connections' || at === 'readers') return { at }
  if (at === 't' && name) {
    const place = Number(seq)
    const decoded = decode(name)
    return Number.isSafeInteger(place) && place > 0
      ? { at: 'thread', name: decoded, seq: place }
      : { at: 'thread', name: decoded }
  }
  if (at === 'search') {
    const given = new URLSearchParams(query)
    const filters = FILTERS.map((key) => [key, given.get(key)]).filter(([, value]) => value)
    return { at: 'search', ...Object.fromEntries(filters) }
  }
  return { at: 'home' }
}

/** The fragment of a route; parseRoute() reads it back. */
export function formatRoute(route: Route): string {
  switch (route.at) {
    case 'home':
      return '#/'
    case 'thread':
      return `#/t/${encodeURIComponent(route.name)}${route.seq ? `/${route.seq}` : ''}`
    case 'search': {
      const given = FILTERS.flatMap((key) => (route[key] ? [[key, route[key]]] : []))
      return `#/search?${new URLSearchParams(given)}`
    }
    default:
      return `#/${route.at}`
  }
}

/** A malformed escape was typed by a person. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The address of the board, before the fragment. */
export const boardBase = signal(`${location.origin}/board/`)

/** Where the person is. */
export const route = signal<Route>({ at: 'home' })

/** Goes somewhere; with `replaces`, without a step that Back would return to. */
export function go(to: Route, replaces = false): void {
  const fragment = formatRoute(to)
  // To the place itself, not where the person was in it.
  if (location.hash === fragment) history.replaceState(null, '')
  if (replaces) history.replaceState(null, '', fragment)
  else location.hash = fragment
  // Now: the event comes later, and a key that is pressed before it would start from the place left.
  route.value = to
}

/** Follows the address from now on. */
export function followAddress(): void {
  const read = () => {
    const to = parseRoute(location.hash)
    if (formatRoute(to) !== formatRoute(route.peek())) route.value = to
  }
  addEventListener('hashchange', read)
  read()
}

/** Where a person is in what an address shows: pixels from the top, or a message and where it stands. */
type Place = number | { seq: number; top: number }

/** Keeps the place in this entry of the browser's history, for Back and a reload; without one, forgets it. */
export function savePlace(place?: Place): void {
  history.replaceState(place === undefined ? null : { place }, '')
}

export function readPlace(): Place | undefined {
  return history.state?.place
}
