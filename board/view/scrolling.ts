/** The box of messages as an element: where it is scrolled to, and which message has the focus. */

/** Pixels from the last message that count as being there. */
const AT_END = 80

/** Whether the last message can be seen, so that a new one may scroll into view. */
export function isAtEnd({ scrollHeight, scrollTop, clientHeight }: Element): boolean {
  return scrollHeight - scrollTop - clientHeight < AT_END
}

/** Pixels above a message that the heading of its day covers. */
const UNDER_DAY = 48

/** Scrolls only the box: scrollIntoView() would also move the page around it. */
export function scrollTo(box: HTMLElement, at: HTMLElement, isCentred: boolean): void {
  const { top, height } = at.getBoundingClientRect()
  const room = Math.max(0, box.clientHeight - height)
  const above = isCentred ? Math.max(UNDER_DAY, room / 2) : UNDER_DAY
  box.scrollTop += top - box.getBoundingClientRect().top - above
}

/**
 * Scrolls now and in the next frames, until the position stays: messages that were never on screen have
 * only an estimated height until they are. Returns how to stop.
 */
export function settle(scroll: () => number): () => void {
  let last = scroll()
  let frames = 0
  let request = requestAnimationFrame(function again() {
    const next = scroll()
    frames = next === last ? frames + 1 : 0
    last = next
    if (frames < 3) request = requestAnimationFrame(again)
  })
  const stop = () => {
    cancelAnimationFrame(request)
    removeEventListener('wheel', stop)
    removeEventListener('touchmove', stop)
  }
  // The person decides where to be.
  addEventListener('wheel', stop, { once: true, passive: true })
  addEventListener('touchmove', stop, { once: true, passive: true })
  setTimeout(stop, 1_000)
  return stop
}

/**
 * Up and down go from message to message, from those on screen to begin with. A message taller than the
 * screen scrolls first.
 */
export function moveFocus(event: KeyboardEvent): void {
  const box = event.currentTarget as HTMLElement
  const { key } = event
  if (key !== 'ArrowDown' && key !== 'ArrowUp') return
  const isDown = key === 'ArrowDown'
  const focused = document.activeElement
  const { top, bottom } = box.getBoundingClientRect()
  let next: HTMLElement | undefined
  if (focused === box) {
    next = findVisible(box).at(isDown ? 0 : -1)
  } else if (focused?.classList.contains('msg')) {
    const own = focused.getBoundingClientRect()
    const runsOut = isDown ? own.bottom > bottom + 1 : own.top < top
    const all = [...box.querySelectorAll<HTMLElement>('.msg')]
    next = runsOut ? undefined : all[all.indexOf(focused as HTMLElement) + (isDown ? 1 : -1)]
  }
  if (!next) return
  event.preventDefault()
  next.focus()
}

/** The messages that are on screen, below the heading of their day. */
function findVisible(box: HTMLElement): HTMLElement[] {
  const { top, bottom } = box.getBoundingClientRect()
  const isVisible = (element: Element) => {
    const own = element.getBoundingClientRect()
    return own.bottom > top + UNDER_DAY && own.top < bottom
  }
  // Chunks first: asking a message for its place would lay out a chunk that is far away.
  return [...box.querySelectorAll<HTMLElement>('.chunk, .feed > .msg')]
    .filter(isVisible)
    .flatMap((each) => [each, ...each.querySelectorAll<HTMLElement>('.msg')])
    .filter((each) => each.classList.contains('msg') && isVisible(each))
}

/** Goes to the end, but no further than the first message that was not seen. Returns whether it stopped there. */
export function goToEnd(box: HTMLElement, unseen: number | undefined): boolean {
  box.scrollTop = box.scrollHeight
  const first = box.querySelector<HTMLElement>(`[data-seq="${unseen}"]`)
  const top = first?.getBoundingClientRect().top ?? Number.POSITIVE_INFINITY
  const isAbove = top < box.getBoundingClientRect().top + UNDER_DAY
  if (first && isAbove) scrollTo(box, first, false)
  return isAbove
}

/** The message in the middle of the box, and how far below the top of the box it begins. */
export function findPlace(box: Element): { seq: number; top: number } | undefined {
  const { element } = findAnchor(box) ?? {}
  if (!(element instanceof HTMLElement) || !element.dataset.seq) return undefined
  const top = element.getBoundingClientRect().top - box.getBoundingClientRect().top
  return { seq: Number(element.dataset.seq), top: Math.round(top) }
}

/** Puts a message that far below the top of the box. */
export function goToPlace(box: Element, at: Element, top: number): void {
  box.scrollTop += at.getBoundingClientRect().top - box.getBoundingClientRect().top - top
}

/** The seq of the last message on screen; 0 without one. */
export function findLastVisible(box: HTMLElement): number {
  const last = findVisible(box).findLast((each) => each.dataset.seq)
  return Number(last?.dataset.seq ?? 0)
}

export interface Anchor {
  element: Element
  edge: 'top' | 'bottom'
  place: number
}

/**
 * The element in the middle of the box, and its position: a message or, where none has been laid out yet,
 * the end of its chunk, above which older messages are put.
 */
export function findAnchor(box: Element): Anchor | undefined {
  const { left, top, width, height } = box.getBoundingClientRect()
  const there = document.elementsFromPoint(left + width / 2, top + height / 2)
  const find = (what: string) =>
    there.map((each) => each.closest(what)).find((each) => each !== null)
  const message = find('.msg')
  const element = message ?? find('.chunk')
  if (!element) return undefined
  const edge = message ? 'top' : 'bottom'
  return { element, edge, place: element.getBoundingClientRect()[edge] }
}

/** Moves the box by as much as that has moved: not every browser does, and none at the very top. */
export function restoreAnchor(box: Element, anchor: Anchor | undefined): void {
  if (!anchor?.element.isConnected) return
  box.scrollTop += anchor.element.getBoundingClientRect()[anchor.edge] - anchor.place
}
