/** Keeps messages far from the screen out of the page, so that a long thread does not slow it down. */
import { useEffect, useRef, useState } from 'preact/hooks'

/** Pixels above and below the box of messages within which they are in the page. */
const MARGIN = 1_500

/** The things that a person has opened, switched or selected, which drawing again would lose. */
const CHANGED = 'details[open], [aria-pressed="true"], [aria-expanded="true"], .less'

/**
 * For a part of the box of messages: its element, and the height that it keeps while it is empty. The height
 * is undefined while its messages are in the page: near the screen, used by the person, or printed.
 */
export function useNear() {
  const part = useRef<HTMLDivElement>(null)
  const isNear = useRef(true)
  const [height, setHeight] = useState<number>()
  const update = () => {
    const element = part.current
    if (!element) return
    if (isNear.current) return setHeight(undefined)
    if (isInUse(element)) return
    // Without a height, the whole pane is hidden.
    const own = element.getBoundingClientRect().height
    if (own > 0) setHeight((known) => known ?? own)
  }
  useEffect(() => {
    const element = part.current
    if (!element) return
    const watch = ([...entries]: IntersectionObserverEntry[]) => {
      isNear.current = entries.at(-1)?.isIntersecting ?? true
      update()
    }
    const root = element.closest('.scroll')
    const observer = new IntersectionObserver(watch, { root, rootMargin: `${MARGIN}px 0px` })
    observer.observe(element)
    const print = () => setHeight(undefined)
    addEventListener('beforeprint', print)
    addEventListener('afterprint', update)
    return () => {
      observer.disconnect()
      removeEventListener('beforeprint', print)
      removeEventListener('afterprint', update)
    }
  }, [])
  return {
    part,
    height,
    /** For when the focus has left it. */
    onFocusOut: () => setTimeout(update),
  }
}

function isInUse(element: Element): boolean {
  const selection = getSelection()
  const isSelected = selection && !selection.isCollapsed && selection.containsNode(element, true)
  return isSelected || element.contains(document.activeElement) || !!element.querySelector(CHANGED)
}
