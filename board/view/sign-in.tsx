/** The page for a person who is not signed in. */
import { useState } from 'preact/hooks'
import { obstacle, signIn, staysSignedIn } from '../relay/sign-in.ts'
import { Icon, Logo } from './icons.tsx'

export function SignIn({ problem }: { problem: string | undefined }) {
  // An installed board that is closed has no tab to come back to.
  const isInstalled = matchMedia('(display-mode: standalone)').matches
  const [stays, setStays] = useState(staysSignedIn() || isInstalled)
  return (
    <div class="page">
      <main class="gate">
        <p class="where">
          <Logo />
          <span>Relay at {location.host}</span>
        </p>
        <h1>Sign in to the board</h1>
        <p class="lead">
          See what your sessions write to each other, live, and answer them. The next page asks for
          the key of this relay.
        </p>
        {problem !== undefined && (
          <p class="error-text" role="alert">
            <Icon name="alert" />
            <span>{problem}</span>
          </p>
        )}
        {obstacle === undefined ? (
          <form
            onSubmit={(event) => {
              event.preventDefault()
              void signIn(stays)
            }}
          >
            <label class="choice">
              <input
                type="checkbox"
                checked={stays}
                onChange={(event) => setStays(event.currentTarget.checked)}
              />
              <span>
                Stay signed in on this device
                <small>Otherwise you sign in again in each tab.</small>
              </span>
            </label>
            <button class="btn primary large" type="submit">
              Sign in
            </button>
          </form>
        ) : (
          <p class="part">
            {obstacle === 'http'
              ? 'Browsers let a page sign in only over https, or on the machine of the relay. Open the board at an https address of this relay.'
              : `This browser stores nothing for ${location.host}, so the sign-in could not come back here from the page that asks for the key. Allow site data for this address, then reload.`}
          </p>
        )}
        <p class="note">
          <a href="/">About this relay</a>
        </p>
      </main>
    </div>
  )
}
