/** Parts of several panes: the way back on a phone, a page that says one thing, the loading state. */
import type { ComponentChildren } from 'preact'
import { formatRoute } from '../state/route.ts'
import { Icon } from './icons.tsx'
import { Text } from './text.tsx'

/** To the list, where only one of the two fits the screen. */
export function Back() {
  return (
    <a class="btn icon back" href={formatRoute({ at: 'home' })} aria-label="All threads">
      <Icon name="left" />
    </a>
  )
}

interface CaseProps {
  title: string
  text: string
  children?: ComponentChildren
}

/** A heading, a sentence, and the possible actions. */
export function Case({ title, text, children }: CaseProps) {
  return (
    <div class="scroll">
      <div class="col">
        <div class="case">
          <h2>
            <Text>{title}</Text>
          </h2>
          <p class="lead">
            <Text>{text}</Text>
          </p>
          <div class="actions">{children}</div>
        </div>
      </div>
    </div>
  )
}

/** The head of a pane without a thread. */
export function PaneHead({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <header class="head">
      <div class="col">
        <Back />
        <div class="head-text">
          <h2 class="head-title cut">
            <Text>{title}</Text>
          </h2>
        </div>
        {children}
      </div>
    </header>
  )
}

/** Stands for messages that are coming; it appears only if they take their time. */
export function MessageSkeleton() {
  return (
    <div class="scroll" aria-busy="true">
      <div class="col">
        <p class="vh" role="status">
          Loading
        </p>
        <div class="skeleton wide" aria-hidden="true">
          {Array.from({ length: 8 }, () => (
            <div>
              <b class="tile" />
              <div>
                <i />
              </div>
              <div>
                <i />
                <i />
              </div>
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}
