/** A button that opens a menu: arrow keys, Escape, and a press elsewhere close it. */
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

export interface MenuItem {
  label: ComponentChildren
  run: () => void
  /** For one of several of which one is chosen, or something on or off. */
  isChecked?: boolean
  /** A line above it. */
  hasLine?: boolean
}

interface MenuProps {
  /** What the button says to a screen reader, and the menu is called. */
  label: string
  button: ComponentChildren
  class: string
  items: MenuItem[]
  /** Where it opens: below by default, above near the end of the page. */
  opens?: 'up' | 'down'
  align?: 'left' | 'right'
}

export function Menu({
  label,
  button,
  items,
  opens = 'down',
  align = 'right',
  ...rest
}: MenuProps) {
  const [isOpen, setOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  const opener = useRef<HTMLButtonElement>(null)
  const menu = useRef<HTMLDivElement>(null)

  useLayoutEffect(() => {
    const list = menu.current
    if (!isOpen || !list || !opener.current) return
    // In the top layer no box of the page can cut it off.
    list.showPopover()
    const settle = () => {
      if (opener.current) place(list, opener.current.getBoundingClientRect(), opens, align)
    }
    settle()
    list.querySelector<HTMLElement>('[role^=menuitem]')?.focus()
    const close = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false)
    }
    addEventListener('pointerdown', close)
    // The keyboard of a phone leaves as the field loses the focus, and the window grows.
    addEventListener('resize', settle)
    return () => {
      removeEventListener('pointerdown', close)
      removeEventListener('resize', settle)
    }
  }, [isOpen])

  const move = (event: KeyboardEvent) => {
    if (!isOpen) return
    const all = [...(root.current?.querySelectorAll<HTMLElement>('[role^=menuitem]') ?? [])]
    const at = all.indexOf(document.activeElement as HTMLElement)
    const to: Record<string, number> = {
      ArrowDown: (at + 1) % all.length,
      ArrowUp: (at - 1 + all.length) % all.length,
      Home: 0,
      End: all.length - 1,
    }
    const next = to[event.key]
    if (event.key === 'Escape' || event.key === 'Tab') {
      setOpen(false)
      if (event.key === 'Escape') opener.current?.focus()
    } else if (next !== undefined) all[next]?.focus()
    else return
    event.stopPropagation()
    if (event.key !== 'Tab') event.preventDefault()
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only hears what bubbles up from its items.
    <div class="menu-root" ref={root} onKeyDown={move}>
      <button
        ref={opener}
        class={rest.class}
        type="button"
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {button}
      </button>
      {isOpen && (
        <div class="menu" ref={menu} popover="manual" role="menu" aria-label={label}>
          {items.map(({ label: item, run, isChecked, hasLine }) => (
            <>
              {hasLine && <hr />}
              <button
                class="btn"
                type="button"
                {...(isChecked === undefined
                  ? { role: 'menuitem' }
                  : { role: 'menuitemcheckbox', 'aria-checked': isChecked })}
                tabIndex={-1}
                onClick={() => {
                  setOpen(false)
                  opener.current?.focus()
                  run()
                }}
              >
                {item}
              </button>
            </>
          ))}
        </div>
      )}
    </div>
  )
}

/** Pixels between a menu, its button and the edge of the window. */
const GAP = 4

/** Puts a menu next to its button, and inside the window. */
function place(
  menu: HTMLElement,
  button: DOMRect,
  opens: 'up' | 'down',
  align: 'left' | 'right',
): void {
  const { width, height } = menu.getBoundingClientRect()
  const left = align === 'left' ? button.left : button.right - width
  const top = opens === 'up' ? button.top - height - GAP : button.bottom + GAP
  menu.style.left = `${clamp(left, innerWidth - width - GAP)}px`
  menu.style.top = `${clamp(top, innerHeight - height - GAP)}px`
}

function clamp(value: number, max: number): number {
  return Math.max(GAP, Math.min(value, max))
}
