/** A button that opens a menu: arrow keys, Escape, and a press elsewhere close it. */
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Icon } from './icons.tsx'
import { isComposing } from './keys.ts'

export interface MenuItem {
  label: ComponentChildren
  run: () => void
  /** For one of several of which one is chosen, or something on or off. */
  isChecked?: boolean
  /** Whether it is one of several, and not on or off. */
  isRadio?: boolean
  /** A line above it. */
  hasLine?: boolean
}

interface MenuProps {
  /** The name of the button and the menu for screen readers. */
  label: string
  button: ComponentChildren
  class: string
  /** With a filter, those for the typed text. */
  items: MenuItem[] | ((text: string) => MenuItem[])
  /** The label of a field above the items. */
  filter?: string
  /** Where it opens: below by default, above near the end of the page. */
  opens?: 'up' | 'down'
  align?: 'left' | 'right'
}

export function Menu({
  label,
  button,
  items,
  filter,
  opens = 'down',
  align = 'right',
  ...rest
}: MenuProps) {
  const [isOpen, setOpen] = useState(false)
  const [text, setText] = useState('')
  const root = useRef<HTMLDivElement>(null)
  const opener = useRef<HTMLButtonElement>(null)
  const popover = useRef<HTMLDivElement>(null)
  const shown = !isOpen ? [] : typeof items === 'function' ? items(text) : items
  const settle = () => {
    if (!popover.current || !opener.current) return
    place(popover.current, opener.current.getBoundingClientRect(), opens, align)
  }

  useLayoutEffect(() => {
    if (!isOpen) return
    setText('')
    // In the top layer no box of the page can cut it off.
    popover.current?.showPopover()
    settle()
    // Where there is no keyboard to type on, a field would bring one over the items.
    const mayType = matchMedia('(hover: hover)').matches
    popover.current
      ?.querySelector<HTMLElement>(mayType ? 'input, [role^=menuitem]' : '[role^=menuitem]')
      ?.focus()
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

  useLayoutEffect(settle, [text])

  const choose = ({ run }: MenuItem) => {
    setOpen(false)
    opener.current?.focus()
    run()
  }

  const onKeyDown = (event: KeyboardEvent) => {
    if (!isOpen || isComposing(event)) return
    const { key, target } = event
    const field = popover.current?.querySelector('input')
    const isTyping = target === field
    const all = [...(popover.current?.querySelectorAll<HTMLElement>('[role^=menuitem]') ?? [])]
    const at = all.indexOf(target as HTMLElement)
    const next = isTyping && /^(Home|End)$/.test(key) ? undefined : nextOf(key, at, all.length)
    if (key === 'Escape' || key === 'Tab') {
      setOpen(false)
      if (key === 'Escape') opener.current?.focus()
    } else if (next !== undefined) all[next]?.focus()
    else if (isTyping && key === 'Enter') {
      if (shown[0]) choose(shown[0])
    } else {
      const isLetter = key.length === 1 && key !== ' ' && !event.ctrlKey && !event.metaKey
      if (isLetter && !isTyping) field?.focus()
      return
    }
    event.stopPropagation()
    if (key !== 'Tab') event.preventDefault()
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only hears what bubbles up from its items.
    <div class="menu-root" ref={root} onKeyDown={onKeyDown}>
      <button
        ref={opener}
        class={rest.class}
        type="button"
        aria-label={label}
        title={label}
        aria-haspopup={filter ? 'dialog' : 'menu'}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {button}
      </button>
      {isOpen && (
        <div
          class={`menu ${opens}`}
          ref={popover}
          popover="manual"
          {...(filter && { role: 'dialog', 'aria-label': label })}
        >
          {filter && (
            <>
              <label class="field">
                <Icon name="search" />
                <span class="vh">{filter}</span>
                <input
                  type="text"
                  autocomplete="off"
                  maxLength={200}
                  placeholder={filter}
                  value={text}
                  onInput={(event) => setText(event.currentTarget.value)}
                />
              </label>
              <p class="vh" role="status">
                {text && `${shown.length} found`}
              </p>
            </>
          )}
          <div class="menu-items" role="menu" aria-label={label}>
            {shown.map((item) => (
              <>
                {item.hasLine && <hr />}
                <button
                  class="btn"
                  type="button"
                  {...(item.isChecked === undefined
                    ? { role: 'menuitem' }
                    : {
                        role: item.isRadio ? 'menuitemradio' : 'menuitemcheckbox',
                        'aria-checked': item.isChecked,
                      })}
                  tabIndex={-1}
                  onClick={() => choose(item)}
                >
                  {item.label}
                </button>
              </>
            ))}
          </div>
        </div>
      )}
    </div>
  )
}

/** The item that a key leads to, from the one at `at`, or from before the first at -1. */
function nextOf(key: string, at: number, count: number): number | undefined {
  switch (key) {
    case 'ArrowDown':
      return (at + 1) % count
    case 'ArrowUp':
      return at < 0 ? count - 1 : (at - 1 + count) % count
    case 'Home':
      return 0
    case 'End':
      return count - 1
    default:
      return undefined
  }
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
