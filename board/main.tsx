/** Starts the board: finishes a sign-in or takes the key from the address, then shows and follows. */
import { render } from 'preact'
import { isLoopback } from '../src/loopback.ts'
import { finishSignIn, isSignedIn, redeem, signInWithKey } from './relay/sign-in.ts'
import { knownKey } from './state/key.ts'
import { followOutbox } from './state/outbox.ts'
import { followAddress } from './state/route.ts'
import { followNews } from './state/settings.ts'
import { followThreads } from './state/threads.ts'
import { followTranscript } from './state/transcript.ts'
import { App } from './view/app.tsx'
import { keepFocus } from './view/focus.ts'

/**
 * Takes what `npm start` puts into the address out of it, and signs in with it: the key, or a code for a
 * minute. On this machine only, so that nobody learns to put a key into the address of a relay elsewhere.
 * Returns why not.
 */
async function takeSecret(): Promise<string | undefined> {
  const given = new URLSearchParams(location.hash.slice(1))
  const [key, code, verifier] = ['key', 'code', 'verifier'].map((name) => given.get(name))
  if (!key && !(code && verifier)) return undefined
  history.replaceState(null, '', '/board/')
  if (!isLoopback(location.hostname)) {
    return 'A link that signs in works only on the machine of the relay.'
  }
  if (code && isSignedIn.peek()) return undefined
  try {
    await (key ? signInWithKey(key) : redeem(code as string, verifier as string, false))
    // Only now is it known to be the key, and not what somebody put into a link.
    if (key) knownKey.value = key
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

const root = document.getElementById('board') as HTMLElement
const problem = (await finishSignIn()) ?? (await takeSecret())
root.replaceChildren()
// The link of npm start, pasted into a tab that already shows the board.
addEventListener('hashchange', () => {
  if (/^#(key|code)=/.test(location.hash)) location.reload()
})
keepFocus(root)
render(<App problem={problem} />, root)
followAddress()
followTranscript()
followThreads()
followNews()
followOutbox()
