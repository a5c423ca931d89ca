/** Cutting off every connection but that of this board, after a question that names them. */
import { useState } from 'preact/hooks'
import { type Connection, manage } from '../relay/manage.ts'
import { noteFault, say } from '../state/status.ts'
import { Text } from './text.tsx'

interface CutOthersProps {
  /** The good connections except the board's own. */
  others: Connection[]
  onChange: () => Promise<void>
}

export function CutOthers({ others, onChange }: CutOthersProps) {
  /** Those that the question names: one that appears while it is read is not cut off. */
  const [asked, setAsked] = useState<Connection[]>()
  const [isBusy, setBusy] = useState(false)
  if (others.length < 2 && !asked) return null

  const cut = async (named: Connection[]) => {
    if (isBusy) return
    setBusy(true)
    try {
      for (const { gid } of named) await manage('disconnect', { gid })
      say(`${named.length} connections cut off`)
    } catch (error) {
      say(noteFault(error).message)
    }
    await onChange()
    setAsked(undefined)
    setBusy(false)
  }
  return (
    <div class="leave">
      {asked && (
        <p role="status">
          Cuts off {asked.length} connections: <Text>{listNames(asked)}</Text>. Their next calls are
          refused. What they wrote stays, and the relay’s own key stays good. This cannot be undone:
          to come back, each needs a new key or to sign in again.
        </p>
      )}
      <div class="asked-buttons">
        <button
          class="btn line"
          type="button"
          aria-expanded={asked !== undefined}
          onClick={() => setAsked(asked ? undefined : others)}
        >
          {asked ? 'Cancel' : 'Disconnect all but this board'}
        </button>
        {asked && (
          <button
            class="btn line bad"
            type="button"
            aria-disabled={isBusy}
            onClick={() => void cut(asked)}
          >
            Disconnect these {asked.length}
          </button>
        )}
      </div>
    </div>
  )
}

/** Each name once, with how often it is there. */
function listNames(connections: Connection[]): string {
  const byName = Map.groupBy(connections, ({ name }) => name)
  return [...byName]
    .map(([name, { length }]) => (length > 1 ? `${name} (${length})` : name))
    .join(', ')
}
