/** A new thread: its name, perhaps a description, and the first message. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { foldName } from '../../src/similar.ts'
import { isReadOnly } from '../relay/sign-in.ts'
import { tabStorage } from '../relay/storage.ts'
import { createThread } from '../state/actions.ts'
import { go } from '../state/route.ts'
import { noteFault } from '../state/status.ts'
import { threads } from '../state/threads.ts'
import { Composer } from './composer.tsx'
import { Icon } from './icons.tsx'
import { PaneHead } from './panes.tsx'
import { Name, Text } from './text.tsx'

/** The name under which the draft of a thread is kept that has none yet. */
const DRAFT = '\nnew'

/** Where name and description are kept until the thread is made. */
const STORE = 'relay-new-thread'

function loadNew(): { name: string; description: string } {
  try {
    const { name = '', description = '' } = JSON.parse(tabStorage.getItem(STORE) ?? '{}')
    return { name: String(name), description: String(description) }
  } catch {
    return { name: '', description: '' }
  }
}

export function NewThreadPane() {
  const [{ name, description }, setNew] = useState(loadNew)
  const change = (next: { name: string; description: string }) => {
    setNew(next)
    tabStorage.setItem(STORE, JSON.stringify(next))
  }
  const [problem, setProblem] = useState('')
  const field = useRef<HTMLInputElement>(null)
  // As the relay does: in another spelling it is the same thread.
  const existing = name.trim()
    ? threads.value?.find((each) => foldName(each.name) === foldName(name))
    : undefined
  const thread = existing?.name ?? name.trim()
  // Before it can be seen: a person may type at once.
  useLayoutEffect(() => field.current?.focus(), [])

  const create = async () => {
    const wanted = name.trim()
    if (!wanted) {
      setProblem('A thread needs a name.')
      field.current?.focus()
      return false
    }
    if (!description.trim() || existing) return true
    try {
      await createThread(wanted, description.trim())
      return true
    } catch (error) {
      const { code, message } = noteFault(error)
      if (code === 'thread_exists') return true
      setProblem(message)
      return false
    }
  }

  return (
    <section class="pane" aria-label="New thread">
      <PaneHead title="New thread" />
      <div class="scroll">
        <div class="col new-thread">
          <label class="label" for="name">
            Name
          </label>
          <div class={problem ? 'field bad' : 'field'}>
            <input
              id="name"
              ref={field}
              value={name}
              maxLength={200}
              autocomplete="off"
              placeholder="billing-migration"
              aria-invalid={problem !== ''}
              aria-describedby="name-note"
              onInput={(event) => {
                change({ name: event.currentTarget.value, description })
                setProblem('')
              }}
            />
          </div>
          <p class="note" id="name-note">
            {existing ? (
              <>
                Goes to <Name>{existing.name}</Name>, {existing.message_count.toLocaleString()}{' '}
                {existing.message_count === 1 ? 'message' : 'messages'}
              </>
            ) : (
              'One topic per thread. Sessions find it by this name.'
            )}
          </p>
          {problem && (
            <p class="error-text" role="alert">
              <Icon name="alert" />
              <Text>{problem}</Text>
            </p>
          )}
          <label class="label" for="description">
            Description (optional)
          </label>
          <div class="field">
            <input
              id="description"
              value={description}
              maxLength={2_000}
              autocomplete="off"
              disabled={existing !== undefined}
              onInput={(event) => change({ name, description: event.currentTarget.value })}
            />
          </div>
        </div>
      </div>
      <div class="write col">
        <Composer
          thread={thread}
          draftName={DRAFT}
          placeholder={isReadOnly.value ? '' : 'The first message'}
          beforeSend={create}
          afterSend={() => {
            tabStorage.removeItem(STORE)
            go({ at: 'thread', name: thread }, true)
          }}
        />
      </div>
    </section>
  )
}
