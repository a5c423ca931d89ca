/** Starts the board: finishes a sign-in or takes a link code from the address, then shows and follows. */
import { render } from 'preact'
import { finishSignIn, isSignedIn, signInWithLink } from './relay/sign-in.ts'
import { followForYou, noteSettledHere } from './state/for-you.ts'
import { followThreads } from './state/looking.ts'
import { followTranscript, resolveReference } from './state/opening.ts'
import { followOutbox } from './state/outbox.ts'
import { followAddress } from './state/route.ts'
import { announceForYou, followNews } from './state/settings.ts'
import { followTabs } from './state/tabs.ts'
import { App } from './view/app.tsx'
import { loadReader } from './view/drawn.tsx'
import { keepFocus } from './view/focus.ts'
import { loadParts } from './view/lazy.tsx'
import { resolve } from './view/references.tsx'

/** Milliseconds until the parts load that the first view does not need. */
const LATER = 2_000

/**
 * Takes the code that `npm start` puts into the address out of it, and signs in with it. Returns why that
 * failed; of no interest in a tab that is signed in already.
 */
async function takeLink(): Promise<string | undefined> {
  const link = new URLSearchParams(location.hash.slice(1)).get('link')
  if (!link) return undefined
  history.replaceState(null, '', '/board/')
  try {
    await signInWithLink(link)
    return undefined
  } catch (error) {
    return isSignedIn.peek() ? undefined : (error as Error).message
  }
}

// Next to everything else: an address may lead to a thread.
void loadReader()

const root = document.getElementById('board') as HTMLElement
const problem = (await finishSignIn()) ?? (await takeLink())
root.replaceChildren()
// The link of npm start, pasted into a tab that already shows the board.
addEventListener('hashchange', () => {
  if (location.hash.startsWith('#link=')) location.reload()
})
keepFocus(root)
render(<App problem={problem} />, root)
resolve.value = resolveReference
followAddress()
followTranscript()
followThreads()
followForYou(announceForYou)
followNews()
followOutbox(noteSettledHere)
followTabs()
// A page that stays open for days meets a newer relay, which no longer has the files of this one.
setTimeout(async () => (await loadParts())?.startDevice(), LATER)
