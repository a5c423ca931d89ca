/** The whole board: the list, one pane, and their overlays. */
import { useEffect, useRef } from 'preact/hooks'
import { isReadOnly, isSignedIn, signIn, staysSignedIn } from '../relay/sign-in.ts'
import { isPerson, nameOf } from '../relay/types.ts'
import { isDeviceOpen, isHelpOpen, isPaletteOpen, threadDialog } from '../state/dialog.ts'
import { lookNow } from '../state/looking.ts'
import { route } from '../state/route.ts'
import { hideToast, toast, trouble } from '../state/status.ts'
import { threads } from '../state/threads.ts'
import { arrived, transcript } from '../state/transcript.ts'
import { toPlainLine } from '../text/characters.ts'
import { HomePane } from './home.tsx'
import { Icon } from './icons.tsx'
import { Later } from './lazy.tsx'
import { focusOn, onKey } from './shortcuts.ts'
import { Sidebar } from './sidebar.tsx'
import { SignIn } from './sign-in.tsx'
import { Text } from './text.tsx'
import { ThreadPane } from './thread.tsx'

export function App({ problem }: { problem: string | undefined }) {
  useEffect(() => {
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
  const hasEnded = trouble.value?.kind === 'signed_out'
  if (!isSignedIn.value || (hasEnded && threads.value === undefined)) {
    return <SignIn problem={problem ?? (hasEnded ? trouble.value?.message : undefined)} />
  }
  const isInPane = route.value.at !== 'home' || threads.value?.length === 0
  return (
    <>
      <button class="skip" type="button" onClick={() => focusOn('write')}>
        Skip to the message field
      </button>
      <main class={isInPane ? 'app in-pane' : 'app'}>
        <h1 class="vh">Relay</h1>
        <Notice />
        <Sidebar />
        <Pane />
      </main>
      <Toast />
      <Announcer />
      {isPaletteOpen.value && <Later isOverlay>{({ Palette }) => <Palette />}</Later>}
      {isHelpOpen.value && <Later isOverlay>{({ Help }) => <Help />}</Later>}
      {isDeviceOpen.value && <Later isOverlay>{({ DeviceDialog }) => <DeviceDialog />}</Later>}
      {threadDialog.value && <Later isOverlay>{({ ThreadDialog }) => <ThreadDialog />}</Later>}
    </>
  )
}

function Pane() {
  const to = route.value
  switch (to.at) {
    case 'thread':
      return <ThreadPane key={to.name} name={to.name} />
    case 'search': {
      const { at: _, ...filters } = to
      return <Later>{({ SearchPane }) => <SearchPane filters={filters} />}</Later>
    }
    case 'connect':
      return <Later>{({ ConnectPane }) => <ConnectPane />}</Later>
    case 'new':
      return <Later>{({ NewThreadPane }) => <NewThreadPane />}</Later>
    case 'connections':
      if (isReadOnly.value) return <HomePane />
      return <Later>{({ ConnectionsPane }) => <ConnectionsPane />}</Later>
    case 'readers':
      if (isReadOnly.value) return <HomePane />
      return <Later>{({ ReadersPane }) => <ReadersPane />}</Later>
    default:
      return <HomePane />
  }
}

/** One line over everything while the relay does not work. */
function Notice() {
  const fault = trouble.value
  if (!fault) return null
  return (
    <div class="notice" role="status">
      <Icon name="alert" />
      <span>
        {fault.kind === 'offline' && !navigator.onLine ? (
          'Offline. The board reconnects by itself.'
        ) : (
          <Text>{fault.message}</Text>
        )}
        {fault.kind === 'signed_out' && ' Your drafts are kept.'}
      </span>
      {fault.kind === 'signed_out' ? (
        <button class="btn line" type="button" onClick={() => void signIn(staysSignedIn())}>
          Sign in
        </button>
      ) : (
        <button class="btn line" type="button" onClick={lookNow}>
          Try now
        </button>
      )}
    </div>
  )
}

function Toast() {
  const shown = toast.value
  return (
    <div class="toasts" role="status">
      {shown && (
        <p class="toast">
          <span>
            <Text>{shown.text}</Text>
          </span>
          {shown.action && (
            <button
              class="btn"
              type="button"
              onClick={() => {
                hideToast()
                shown.action?.run()
              }}
            >
              {shown.action.label}
            </button>
          )}
          <button class="btn icon" type="button" aria-label="Close" onClick={hideToast}>
            <Icon name="close" />
          </button>
        </p>
      )}
    </div>
  )
}

/** Tells a screen reader of a message that has just come. */
function Announcer() {
  const before = useRef(0)
  const count = arrived.value - before.current
  useEffect(() => {
    before.current = arrived.value
  }, [arrived.value])
  const last = arrived.value > 0 ? transcript.peek()?.messages.at(-1) : undefined
  const text =
    last && !isPerson(last)
      ? `${toPlainLine(nameOf(last))}: ${toPlainLine(last.content.slice(0, 200))}`
      : ''
  return (
    <p class="vh" aria-live="polite">
      {text &&
        (count > 1 ? `${count} new messages, the last from ${text}` : `New message from ${text}`)}
    </p>
  )
}
