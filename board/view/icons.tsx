/** The icons: paths on a grid of 16 px with a stroke of 1.5 px. */
import type { Surface } from '../relay/types.ts'

const PATHS = {
  write:
    'M7.25 3.25h-3.5a1 1 0 0 0-1 1v8a1 1 0 0 0 1 1h8a1 1 0 0 0 1-1v-3.5M12.5 1.9l1.6 1.6L8.25 9.35l-2.1.5.5-2.1z',
  search: 'M11.25 7a4.25 4.25 0 1 1-8.5 0 4.25 4.25 0 0 1 8.5 0M10.25 10.25l3.5 3.5',
  chat: 'M3.25 2.75h9.5a1 1 0 0 1 1 1v6.5a1 1 0 0 1-1 1H8l-3.25 2.5v-2.5h-1.5a1 1 0 0 1-1-1v-6.5a1 1 0 0 1 1-1z',
  cowork: 'm2 4.25 1.25 1.25L5.75 3M8.5 4.25h5.75M2 11.25l1.25 1.25L5.75 10M8.5 11.25h5.75',
  code: 'M5 4.5 1.5 8 5 11.5M11 4.5 14.5 8 11 11.5M9 3.5l-2 9',
  you: 'M10.75 5a2.75 2.75 0 1 1-5.5 0 2.75 2.75 0 0 1 5.5 0M2.75 13.75c.5-2.5 2.6-3.75 5.25-3.75s4.75 1.25 5.25 3.75',
  other: 'M8 1.75 13.5 4.9v6.2L8 14.25 2.5 11.1V4.9zM8 7.6v.8',
  inbox: 'M2.25 9.25h3l1 2h3.5l1-2h3M4.25 2.75h7.5l2 6.5v3a1 1 0 0 1-1 1h-9.5a1 1 0 0 1-1-1v-3z',
  reply: 'M6.5 4 2.75 7.75 6.5 11.5M2.75 7.75h6.5a4 4 0 0 1 4 4v.75',
  clock: 'M14.25 8A6.25 6.25 0 1 1 1.75 8a6.25 6.25 0 0 1 12.5 0M8 4.5V8l2.25 1.5',
  turn: 'm6 4 4 4-4 4',
  to: 'M3 8h10M8.75 3.75 13 8l-4.25 4.25',
  plug: 'M6 1.75v3M10 1.75v3M4.25 4.75h7.5v2.5a3.75 3.75 0 0 1-7.5 0zM8 11v3.25',
  help: 'M14.25 8A6.25 6.25 0 1 1 1.75 8a6.25 6.25 0 0 1 12.5 0M6.25 6.25A1.75 1.75 0 1 1 8.6 7.9c-.4.15-.6.45-.6.85v.25M8 11.2v.1',
  left: 'M13 8H3M7.25 3.75 3 8l4.25 4.25',
  doc: 'M9.25 1.75h-5a1 1 0 0 0-1 1v10.5a1 1 0 0 0 1 1h7.5a1 1 0 0 0 1-1v-8zM9.25 1.75v3.5h3.5M5.75 8.5h4.5M5.75 11h3',
  text: 'M2.5 4h11M2.5 8h11M2.5 12h6.5',
  archive: 'M2.25 3.25h11.5v3H2.25zM3.25 6.25v6a1 1 0 0 0 1 1h7.5a1 1 0 0 0 1-1v-6M6.5 9h3',
  restore:
    'M2.25 3.25h11.5v3H2.25zM3.25 6.25v6a1 1 0 0 0 1 1h7.5a1 1 0 0 0 1-1v-6M8 12V8.5M6.25 10 8 8.25 9.75 10',
  dots: 'M3.5 7.6v.8M8 7.6v.8M12.5 7.6v.8',
  copy: 'M7 5.75h5a1.25 1.25 0 0 1 1.25 1.25v5A1.25 1.25 0 0 1 12 13.25H7A1.25 1.25 0 0 1 5.75 12V7A1.25 1.25 0 0 1 7 5.75M10.25 5.5V3.75a1 1 0 0 0-1-1h-5.5a1 1 0 0 0-1 1v5.5a1 1 0 0 0 1 1H5.5',
  link: 'M6.75 9.25a2.75 2.75 0 0 0 4 .1l1.9-1.9a2.75 2.75 0 0 0-3.9-3.9l-.75.75M9.25 6.75a2.75 2.75 0 0 0-4-.1l-1.9 1.9a2.75 2.75 0 0 0 3.9 3.9l.75-.75',
  check: 'm3.5 8.5 3 3 6-7',
  down: 'M8 3v10M3.75 8.75 8 13l4.25-4.25',
  drop: 'm4 6 4 4 4-4',
  bell: 'M4 6.5a4 4 0 0 1 8 0c0 3.25 1.25 4.5 1.25 4.5H2.75S4 9.75 4 6.5M6.75 13.5h2.5',
  download: 'M8 2.5v7.75M4.75 7.25 8 10.5l3.25-3.25M2.75 13.25h10.5',
  alert: 'M8 2 1.75 13.25h12.5zM8 6.5v3M8 11.4v.1',
  key: 'M7.75 10.75a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0M7 9l6.25-6.25M11 5l1.75 1.75M9 7l1.25 1.25',
  desk: 'M2.75 2.75h10.5a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H2.75a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1M8 10.75v2.5M5.5 13.25h5',
  people:
    'M8 5.5a2.25 2.25 0 1 1-4.5 0 2.25 2.25 0 0 1 4.5 0M1.75 13c.35-2.4 1.9-3.5 4-3.5s3.65 1.1 4 3.5M10.5 3.4a2.25 2.25 0 0 1 0 4.2M11.75 9.7c1.4.4 2.3 1.5 2.5 3.3',
  bin: 'M2.75 4.25h10.5M6 4.25v-1.5h4v1.5M4.25 4.25l.6 9h6.3l.6-9M6.75 7v3.5M9.25 7v3.5',
  close: 'm4 4 8 8M12 4l-8 8',
  out: 'M6.5 2.75h-2.75a1 1 0 0 0-1 1v8.5a1 1 0 0 0 1 1H6.5M10.5 5l3 3-3 3M13 8H6.5',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name, turns }: { name: IconName; turns?: boolean }) {
  return (
    <svg class={turns ? 'i turn' : 'i'} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}

/** The icon of a surface, or the person's. */
export function SurfaceIcon({ surface, isPerson }: { surface: Surface; isPerson: boolean }) {
  return <Icon name={isPerson ? 'you' : surface in PATHS ? surface : 'other'} />
}

export function Logo() {
  return (
    <svg viewBox="0 0 64 64" aria-hidden="true">
      <rect width="64" height="64" rx="14" fill="#2454d6" />
      <path
        d="M14 14h26a4 4 0 0 1 4 4v10a4 4 0 0 1-4 4H24l-8 7v-7h-2a4 4 0 0 1-4-4V18a4 4 0 0 1 4-4z"
        fill="#fff"
      />
      <path
        d="M49 29h1a4 4 0 0 1 4 4v11a4 4 0 0 1-4 4h-2v7l-8-7H28a4 4 0 0 1-4-4v-4l3-3h13a9 9 0 0 0 9-8z"
        fill="#8fb0ff"
      />
    </svg>
  )
}
