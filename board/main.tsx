/** Starts the board: finishes a sign-in or takes the key from the address, then shows and follows. */
import { render } from 'preact'
import { isLoopback } from '../src/loopback.ts'
import { finishSignIn, isSignedIn, signInWithKey } from './relay/sign-in.ts'
import { knownKey } from './state/key.ts'
import { followOutbox } from './state/outbox.ts'
import { followAddress } from './state/route.ts'
import { followNews } from './state/settings.ts'
import { followThreads } from './state/threads.ts'
import { followTranscript } from './state/transcript.ts'
import { App } from './view/app.tsx'

/**
 * Takes `#key=…` out of the address, where `npm start` puts it, and signs in with it: on this machine
 * only, so that nobody learns to put a key into the address of a relay elsewhere. Returns why not.
 */
async function takeKey(): Promise<string | undefined> {
  const [, key] = /^#key=(.+)$/.exec(location.hash) ?? []
  if (!key) return undefined
  history.replaceState(null, '', '/board/')
  if (!isLoopback(location.hostname))
    return 'A link with a key works only on the machine of the relay.'
  knownKey.value = decodeURIComponent(key)
  if (isSignedIn.peek()) return undefined
  try {
    await signInWithKey(knownKey.value)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

const root = document.getElementById('board') as HTMLElement
const problem = (await finishSignIn()) ?? (await takeKey())
root.replaceChildren()
render(<App problem={problem} />, root)
followAddress()
followTranscript()
followThreads()
followNews()
followOutbox()
