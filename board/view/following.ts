/** Follows where the person is in a thread, and which messages are on screen. */
import { useEffect, useRef } from 'preact/hooks'
import type { Message as MessageData } from '../relay/types.ts'
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

/** Watches which messages are on screen. */
export function useReading(scroll: { current: HTMLElement | null }, messages: MessageData[]): void {
  const observer = useRef<IntersectionObserver | undefined>(undefined)
  const watched = useRef(new WeakMap<Element, number>())
  useEffect(() => () => observer.current && stopReading(observer.current), [])
  useEffect(() => {
    if (!scroll.current) return
    observer.current ??= createReadObserver(scroll.current)
    for (const chunk of scroll.current.querySelectorAll('.chunk')) {
      const key = chunk.childElementCount
      if (watched.current.get(chunk) === key) continue
      watched.current.set(chunk, key)
      // An element that is watched already stays so.
      for (const element of chunk.querySelectorAll('.msg')) observer.current.observe(element)
    }
  }, [messages])
}
