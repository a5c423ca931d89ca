/** The connections of the relay: who may use it, since when, and how to cut one off. */
import { useEffect, useState } from 'preact/hooks'
import { allAnswered, relayNow } from '../relay/client.ts'
import { type Connection, manage, type Target } from '../relay/manage.ts'
import { signOut } from '../relay/sign-in.ts'
import { BOARD_NAME } from '../relay/types.ts'
import { minute } from '../state/clock.ts'
import { sendHeld } from '../state/outbox.ts'
import { formatRoute } from '../state/route.ts'
import { noteFault, noteSuccess, say } from '../state/status.ts'
import { actNow } from '../state/undo.ts'
import { formatAge, formatUse, formatWhen } from '../text/time.ts'
import { CutOthers } from './cut-others.tsx'
import { Icon } from './icons.tsx'
import { Case, MessageSkeleton, PaneHead } from './panes.tsx'
import { Targets } from './targets.tsx'
import { Name, Text } from './text.tsx'

export function ConnectionsPane() {
  const [all, setAll] = useState<Connection[]>()
  const [targets, setTargets] = useState<Target[]>([])
  const [problem, setProblem] = useState('')
  const load = async () => {
    try {
      const listed = await Promise.all([manage('list_connections'), manage('list_targets')])
      setAll(listed[0].connections)
      setTargets(listed[1].targets)
      setProblem('')
      noteSuccess()
    } catch (error) {
      setProblem(noteFault(error).message)
    }
  }
  useEffect(() => void load(), [])
  return (
    <section class="pane" aria-label="Connections">
      <PaneHead title="Connections">
        <a class="btn primary" href={formatRoute({ at: 'connect' })}>
          <Icon name="key" />
          New key
        </a>
      </PaneHead>
      {problem && !all ? (
        <Case title="The connections could not be read" text={problem}>
          <button class="btn primary" type="button" onClick={() => void load()}>
            Try again
          </button>
        </Case>
      ) : all ? (
        <Lists all={all} targets={targets} onChange={load} />
      ) : (
        <MessageSkeleton />
      )}
    </section>
  )
}

interface ListProps {
  all: Connection[]
  onChange: () => Promise<void>
}

function Lists({ all, targets, onChange }: ListProps & { targets: Target[] }) {
  const good = all.filter(({ revoked_at }) => revoked_at === undefined)
  const cut = all.filter(({ revoked_at }) => revoked_at !== undefined)
  const row = (each: Connection) => (
    <Row key={each.gid} connection={each} all={all} onChange={onChange} />
  )
  const keys = good.filter(({ kind }) => kind === 'key')
  return (
    <div class="scroll">
      <div class="col managed">
        <h3 class="section-head">
          Signed in <span class="by">clients that asked you, and that you allowed</span>
        </h3>
        <ul class="lines">{good.filter(({ kind }) => kind === 'oauth').map(row)}</ul>
        <h3 class="section-head">
          Keys <span class="by">one for each client, shown once</span>
        </h3>
        {keys.length > 0 ? (
          <ul class="lines">{keys.map(row)}</ul>
        ) : (
          <p class="by">
            None yet. <a href={formatRoute({ at: 'connect' })}>Make one</a> for a client that does
            not sign in.
          </p>
        )}
        <Targets targets={targets} onChange={onChange} />
        {cut.length > 0 && (
          <details class="cut-ones">
            <summary class="fold-head">
              <Icon name="turn" turns />
              Disconnected <span class="by">{cut.length}</span>
            </summary>
            <ul class="lines">
              {cut.map((each) => (
                <CutRow key={each.gid} connection={each} />
              ))}
            </ul>
          </details>
        )}
        <CutOthers others={good.filter(({ own }) => !own)} onChange={onChange} />
        <p class="leave">
          <b>The relay’s own key</b>
          It signs you in and runs the commands. To replace it, and cut everything off at once, run{' '}
          <code>npm run rotate</code>.
        </p>
      </div>
    </div>
  )
}

function Row({ connection, all, onChange }: ListProps & { connection: Connection }) {
  const [isAsking, setAsking] = useState(false)
  const [isBusy, setBusy] = useState(false)
  const { gid, name, scope, kind, created_at, last_used_at, own = false } = connection
  const word = own ? 'Sign out' : 'Disconnect'
  const made = all.filter(({ made_by, revoked_at }) => made_by === gid && !revoked_at)
  const now = relayNow()

  const cut = async (withKeys: boolean) => {
    if (isBusy) return
    setBusy(true)
    try {
      // Its keys first: a board that has disconnected itself can disconnect nothing else.
      if (own) {
        actNow()
        sendHeld()
        await allAnswered()
      }
      if (withKeys) for (const key of made) await manage('disconnect', { gid: key.gid })
      await manage('disconnect', { gid })
      if (own) return signOut()
      say(`${name} disconnected`)
    } catch (error) {
      say(noteFault(error).message)
      setBusy(false)
    }
    await onChange()
  }
  return (
    <li>
      <span class="tile" aria-hidden="true">
        <Icon name={kind === 'key' ? 'key' : name === BOARD_NAME ? 'desk' : 'plug'} />
      </span>
      <div>
        <span class="name">
          <Name>{name}</Name>
        </span>
        {own && <span class="tag">this board</span>}
        <span class="by">
          {kind === 'key' ? 'Made' : 'Since'} {formatWhen(created_at, now)}
        </span>
      </div>
      <div class="cells">
        <span>{scope === 'mcp' ? 'Read and post' : 'Read only'}</span>
        {/* Ages are drawn again every half minute. */}
        <span>{minute.value >= 0 && formatUse(last_used_at, now)}</span>
      </div>
      <button
        class="btn small quiet"
        type="button"
        aria-label={isAsking ? 'Cancel' : `${word} ${name}`}
        aria-expanded={isAsking}
        onClick={() => setAsking(!isAsking)}
      >
        {isAsking ? 'Cancel' : word}
      </button>
      {isAsking && (
        <div class="asked" role="status">
          <p>
            {own
              ? 'Signs you out here, and your drafts go.'
              : `Its next call is refused. What it wrote stays, and it is woken no more. This cannot be undone: to come back it needs ${kind === 'key' ? 'a new key' : 'to sign in again'}.`}
            {made.length > 0 && (
              <>
                {' '}
                It made {made.length === 1 ? 'a key that is' : `${made.length} keys that are`} still
                good: <Text>{made.map((key) => key.name).join(', ')}</Text>.
              </>
            )}
          </p>
          <div class="asked-buttons">
            <button
              class="btn line bad"
              type="button"
              aria-disabled={isBusy}
              onClick={() => void cut(false)}
            >
              {own ? 'Sign out' : 'Disconnect'} <Name>{name}</Name>
            </button>
            {made.length > 0 && (
              <button
                class="btn line bad"
                type="button"
                aria-disabled={isBusy}
                onClick={() => void cut(true)}
              >
                … and {made.length === 1 ? 'its key' : `its ${made.length} keys`}
              </button>
            )}
          </div>
        </div>
      )}
    </li>
  )
}

function CutRow({ connection }: { connection: Connection }) {
  const { name, kind, created_at, revoked_at = '' } = connection
  const now = relayNow()
  return (
    <li class="cut-off">
      <span class="tile" aria-hidden="true">
        <Icon name={kind === 'key' ? 'key' : name === BOARD_NAME ? 'desk' : 'plug'} />
      </span>
      <div>
        <span class="name">
          <Name>{name}</Name>
        </span>
        <span class="by">
          {kind === 'key' ? 'Made' : 'Since'} {formatWhen(created_at, now)}
        </span>
      </div>
      <div class="cells">
        <span />
        <span>Disconnected {formatAge(revoked_at, now)}</span>
      </div>
    </li>
  )
}
