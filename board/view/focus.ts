/**
 * Keeps the keyboard in its place: when the element with the focus is removed or hidden, the focus goes to
 * one around it, not to the start of the page.
 */

/** The element with the focus, and everything around it, innermost first. */
let path: Element[] = []

/** The row of the list that had it last: where the way back from a thread leads. */
let row: Element | undefined

/** Watches a part of the page from now on. */
export function keepFocus(root: Element): void {
  root.addEventListener('focusin', ({ target }) => {
    if (!(target instanceof Element)) return
    path = []
    for (let each: Element | null = target; each; each = each.parentElement) path.push(each)
    if (target.matches('.row')) row = target
  })
  // A click on an empty place takes the focus away on purpose, which looks like a removal for a moment.
  root.addEventListener('focusout', () => setTimeout(forgetWhatWasLeft))
  const options = { childList: true, subtree: true, attributes: true, attributeFilter: ['class'] }
  new MutationObserver((records) => {
    const [own] = path
    const active = document.activeElement
    if (!own || (active !== document.body && active !== own)) return
    // On a phone the class decides which of list and pane is shown.
    const mayBeHidden = records.some(({ target }) => (target as Element).matches('.app'))
    if (own.isConnected && !(mayBeHidden && !own.checkVisibility())) return
    const next = findRefuge()
    path = []
    if (!next) return
    if (!next.matches('a, input, textarea, [tabindex]')) next.tabIndex = -1
    next.focus({ preventScroll: true })
  }).observe(root, options)
}

function forgetWhatWasLeft(): void {
  const [own] = path
  if (document.activeElement === document.body && own?.isConnected && own.checkVisibility()) {
    path = []
  }
}

function findRefuge(): HTMLElement | null {
  for (const each of path.slice(1)) {
    if (!each.isConnected || !each.checkVisibility()) continue
    if (each.matches('[tabindex]')) return each as HTMLElement
    if (each.matches('.field')) return each.querySelector('input')
    if (each.matches('.pane, .side')) return findIn(each)
  }
  const places = [...document.querySelectorAll('.pane, .side')]
  const place = places.findLast((each) => each.checkVisibility())
  return place ? findIn(place) : null
}

function findIn(place: Element): HTMLElement | null {
  if (place.matches('.side')) {
    const shown = row?.isConnected ? (row as HTMLElement) : null
    return shown ?? place.querySelector('.row, a')
  }
  return place.querySelector('.scroll[tabindex]') ?? place.querySelector('h2, h3, input')
}
