/** Follows where the person is in a thread, and which messages are on screen. */
import { useCallback, useEffect, useRef } from 'preact/hooks'
import { createReadObserver, stopReading } from '../state/read-state.ts'
import { savePlace } from '../state/route.ts'
import { findPlace, goToPlace, settle } from './scrolling.ts'

/** Milliseconds after the last move at which the place is kept in the browser's history. */
const KEEP = 100

/** Keeps the place while the box changes its size, and for Back and a reload. Returns what to call after a move. */
export function usePlace(scroll: { current: HTMLElement | null }, wasAtEnd: { current: boolean }) {
  const place = useRef<ReturnType<typeof findPlace>>(undefined)
  const timer = useRef(0)
  useEffect(() => {
    const box = scroll.current
    if (!box) return
    // A phone's keyboard, or a field that grows, takes its room from the end.
    let size = `${box.clientWidth} ${box.clientHeight}`
    const observer = new ResizeObserver(() => {
      const known = size
      size = `${box.clientWidth} ${box.clientHeight}`
      if (size === known) return
      const kept = place.current
      const at = box.querySelector(`[data-seq="${kept?.seq}"]`)
      settle(() => {
        if (wasAtEnd.current) box.scrollTop = box.scrollHeight
        else if (at && kept) goToPlace(box, at, kept.top)
        return box.scrollTop
      })
    })
    observer.observe(box)
    return () => {
      observer.disconnect()
      clearTimeout(timer.current)
    }
  }, [])
  return () => {
    if (!scroll.current) return
    place.current = findPlace(scroll.current)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => savePlace(wasAtEnd.current ? undefined : place.current), KEEP)
  }
}

/** Watches which messages are on screen. Returns what to call with the element of messages that were drawn. */
export function useReading(): (chunk: Element) => void {
  const observer = useRef<IntersectionObserver | undefined>(undefined)
  useEffect(() => () => observer.current && stopReading(observer.current), [])
  return useCallback((chunk: Element) => {
    observer.current ??= createReadObserver(chunk.closest('.scroll'))
    // An element that is watched already stays so.
    for (const element of chunk.querySelectorAll('.msg')) observer.current.observe(element)
  }, [])
}
