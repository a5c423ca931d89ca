/** Parts around the field to write in: what is answered, whom to address, and why there is no field. */
import { signIn, staysSignedIn } from '../relay/sign-in.ts'
import { addresseeOf, type Draft, type Quoted } from '../state/drafts.ts'
import { formatRoute } from '../state/route.ts'
import { findMention } from '../text/tags.ts'
import { knownTags } from './addressee.tsx'
import { Icon } from './icons.tsx'
import { Name, Text } from './text.tsx'

/** The message that the text answers. */
export function Quoting({
  reply: { name, line, seq },
  thread,
  onDrop,
}: {
  reply: Quoted
  thread: string
  onDrop: () => void
}) {
  return (
    <p class="quoting">
      <Icon name="reply" />
      <span class="vh">Answers</span>
      <b class="cut">
        <Name>{name}</Name>
      </b>
      <span class="cut grow">
        <Text>{line}</Text>
      </span>
      <a class="seq" href={formatRoute({ at: 'thread', name: thread, seq })}>
        #{seq}
      </a>
      <button
        class="btn small icon"
        type="button"
        aria-label="Do not answer it"
        title="Do not answer it"
        onClick={onDrop}
      >
        <Icon name="close" />
      </button>
    </p>
  )
}

/** Offers to address a message that calls a reader by name; only the address tells the reader. */
export function Offer({
  thread,
  draft,
  onTake,
}: {
  thread: string
  draft: Draft
  onTake: (to: string) => void
}) {
  const tag = addresseeOf(draft) ? undefined : findMention(draft.text, knownTags(thread))
  return (
    <p class="offer" role="status">
      {tag !== undefined && (
        <button class="btn small" type="button" onClick={() => onTake(tag)}>
          <span class="cut">
            Address it to <Name>{tag}</Name>?
          </span>
        </button>
      )}
    </p>
  )
}

export function ReadOnly() {
  return (
    <p class="closed">
      <span class="grow">This sign-in may only read, so there is no field to write in.</span>
      <button class="btn line" type="button" onClick={() => void signIn(staysSignedIn())}>
        Sign in to write
      </button>
    </p>
  )
}
