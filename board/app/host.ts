/** Reads and applies the host's context: theme, variables, room, edges. */
import { signal } from '@preact/signals'

export interface HostContext {
  theme?: 'light' | 'dark'
  styles?: { variables?: Record<string, string | undefined> }
  displayMode?: string
  availableDisplayModes?: string[]
  containerDimensions?: { height?: number; maxHeight?: number }
  safeAreaInsets?: { top: number; right: number; bottom: number; left: number }
}

export interface HostCapabilities {
  serverTools?: object
  openLinks?: object
}

export const context = signal<HostContext>({})

export const capabilities = signal<HostCapabilities>({})

/** Variables that the specification names, whose text is only a value. */
const VARIABLE = /^--(color|font|border|shadow)-[a-z\d-]{1,60}$/
const VALUE = /^[^;{}]{1,300}$/

/** Applies the changes. */
export function applyContext(change: HostContext): void {
  const next = { ...context.peek(), ...change }
  context.value = next
  const { style, dataset } = document.documentElement
  if (next.theme === 'light' || next.theme === 'dark') dataset.theme = next.theme
  for (const [name, value] of Object.entries(change.styles?.variables ?? {})) {
    if (
      typeof value === 'string' &&
      VARIABLE.test(name) &&
      VALUE.test(value) &&
      !/url\(/i.test(value)
    ) {
      style.setProperty(name, value)
    }
  }
  dataset.display = next.displayMode === 'fullscreen' ? 'fullscreen' : 'inline'
  for (const side of ['top', 'right', 'bottom', 'left'] as const) {
    const inset = Number(next.safeAreaInsets?.[side] ?? 0)
    if (inset >= 0 && inset < 500) style.setProperty(`--inset-${side}`, `${inset}px`)
  }
}
