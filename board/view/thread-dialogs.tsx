/** The dialogs about a thread: its name and description, and deleting it. */
import { useEffect, useState } from 'preact/hooks'
import { callTool } from '../relay/client.ts'
import { type Message, nameOfTag, PERSON } from '../relay/types.ts'
import { threadDialog } from '../state/dialog.ts'
import { deleteThread, describeThread, renameThread } from '../state/managing.ts'
import { noteFault } from '../state/status.ts'
import { findThread } from '../state/threads.ts'
import { download } from '../state/whole-thread.ts'
import { Dialog } from './dialog.tsx'
import { Icon } from './icons.tsx'
import { Name, Text } from './text.tsx'

/** Open questions that the dialog names. */
const NAMED = 5

const close = () => {
  threadDialog.value = undefined
}

export function ThreadDialog() {
  const open = threadDialog.value
  if (!open) return null
  return open.about === 'edit' ? <Edit name={open.thread} /> : <Delete name={open.thread} />
}

function Edit({ name }: { name: string }) {
  const thread = findThread(name)
  const [wanted, setWanted] = useState(name)
  const [description, setDescription] = useState(thread?.description ?? '')
  const [problem, setProblem] = useState<{ field: 'name' | 'description'; text: string }>()
  const [isBusy, setBusy] = useState(false)

  const save = async (event: Event) => {
    event.preventDefault()
    if (isBusy) return
    setBusy(true)
    setProblem(undefined)
    let field: 'name' | 'description' = 'description'
    try {
      const known = findThread(name)?.description ?? ''
      if (description.trim() !== known) await describeThread(name, description.trim())
      field = 'name'
      if (wanted.trim() !== name) await renameThread(name, wanted.trim())
      close()
    } catch (error) {
      const { code, message } = noteFault(error)
      // The relay's sentence is for a session, which could post to that thread.
      const isTaken = code === 'thread_exists'
      setProblem({ field, text: isTaken ? 'Another thread has this name, or had it.' : message })
      setBusy(false)
    }
  }
  return (
    <Dialog title="Name and description" onClose={close}>
      <form onSubmit={save}>
        <label class="label" for="thread-name">
          Name
        </label>
        <div class={problem?.field === 'name' ? 'field bad' : 'field'}>
          <input
            id="thread-name"
            autocomplete="off"
            maxLength={200}
            required
            value={wanted}
            aria-invalid={problem?.field === 'name'}
            aria-describedby="thread-name-note"
            onInput={(event) => setWanted(event.currentTarget.value)}
          />
        </div>
        {problem?.field === 'name' && <Problem text={problem.text} />}
        <p class="note" id="thread-name-note">
          Sessions and links that use the old name still find the thread.
        </p>
        <label class="label" for="thread-description">
          Description
        </label>
        <div class={problem?.field === 'description' ? 'field bad' : 'field'}>
          <textarea
            id="thread-description"
            rows={3}
            maxLength={2000}
            value={description}
            aria-invalid={problem?.field === 'description'}
            onInput={(event) => setDescription(event.currentTarget.value)}
          />
        </div>
        {problem?.field === 'description' && <Problem text={problem.text} />}
        <div class="dialog-foot">
          <button class="btn" type="button" onClick={close}>
            Cancel
          </button>
          <button class="btn primary" type="submit" aria-disabled={isBusy}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  )
}

function Delete({ name }: { name: string }) {
  const count = findThread(name)?.message_count
  const [typed, setTyped] = useState('')
  const [problem, setProblem] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [open, setOpen] = useState<Message[]>([])
  useEffect(() => {
    const args = { thread_name: name, open: true, limit: NAMED + 1 }
    // Without an answer the dialog does not name them.
    void callTool('relay_read_thread', args).then(
      ({ messages }) => setOpen(messages),
      () => {},
    )
  }, [])
  const isConfirmed = typed === name

  const remove = async (event: Event) => {
    event.preventDefault()
    if (!isConfirmed || isBusy) return
    setBusy(true)
    try {
      await deleteThread(name)
      close()
    } catch (error) {
      setProblem(noteFault(error).message)
      setBusy(false)
    }
  }
  return (
    <Dialog
      title={
        <>
          Delete <Name>{name}</Name>
        </>
      }
      onClose={close}
    >
      <form onSubmit={remove}>
        <p>
          {count === undefined
            ? 'The thread and all its messages go'
            : `The thread and its ${count.toLocaleString()} ${count === 1 ? 'message' : 'messages'} go`}
          , for you and for every session. This cannot be undone. A new thread of this name begins
          at #1.
        </p>
        {open.length > 0 && (
          <p class="caution" role="status">
            <Icon name="alert" />
            <span>
              Still waiting for an answer:{' '}
              <Text>{open.slice(0, NAMED).map(describeOpen).join(', ')}</Text>
              {open.length > NAMED && ' and more'}.
            </span>
          </p>
        )}
        <p>
          <button class="btn line" type="button" onClick={() => void download(name)}>
            <Icon name="download" />
            Download it first
          </button>
        </p>
        <label class="label" for="confirm">
          Type its name: <Name>{name}</Name>
        </label>
        <div class={problem ? 'field bad' : 'field'}>
          <input
            id="confirm"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            value={typed}
            aria-invalid={problem !== ''}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </div>
        {problem && <Problem text={problem} />}
        <div class="dialog-foot">
          <button class="btn" type="button" onClick={close}>
            Cancel
          </button>
          <button class="btn line bad" type="submit" aria-disabled={!isConfirmed || isBusy}>
            Delete for good
          </button>
        </div>
      </form>
    </Dialog>
  )
}

function describeOpen({ seq, to = '' }: Message): string {
  return `#${seq} to ${to === PERSON ? 'you' : nameOfTag(to)}`
}

function Problem({ text }: { text: string }) {
  return (
    <p class="error-text" role="alert">
      <Icon name="alert" />
      <span>
        <Text>{text}</Text>
      </span>
    </p>
  )
}
