/** A thread in the list. */
import { relayNow } from '../relay/client.ts'
import { isPerson, nameOf, type Thread } from '../relay/types.ts'
import { formatRoute } from '../state/route.ts'
import { formatAge, formatExact } from '../text/time.ts'
import { excerptOf } from '../text/words.ts'
import { Icon, SurfaceIcon } from './icons.tsx'
import { memo } from './memo.ts'
import { Name, Text } from './text.tsx'

interface RowProps {
  thread: Thread
  isCurrent: boolean
  isMuted: boolean
  hasDraft: boolean
  /** Only so that the age is drawn again. */
  minute: number
}

export const ThreadRow = memo(({ thread, isCurrent, isMuted, hasDraft }: RowProps) => {
  const { name, latest, last_message_at } = thread
  const unread = isMuted ? 0 : (thread.unread_count ?? 0)
  return (
    <li>
      <a
        class={`row${unread > 0 ? ' unread' : ''}${isMuted ? ' muted' : ''}`}
        href={formatRoute({ at: 'thread', name })}
        aria-current={isCurrent ? 'page' : undefined}
      >
        <span class="row-name cut">
          <Name>{name}</Name>
          {isMuted && (
            <>
              <Icon name="mute" />
              <span class="vh"> muted</span>
            </>
          )}
        </span>
        <time
          class="row-age"
          dateTime={last_message_at}
          title={last_message_at && formatExact(last_message_at)}
        >
          {last_message_at && formatAge(last_message_at, relayNow())}
        </time>
        <span class="row-last">
          {hasDraft && <span class="draft">Draft</span>}
          {latest && !hasDraft && (
            <SurfaceIcon surface={latest.surface} isPerson={isPerson(latest)} />
          )}
          <span class="cut">
            {latest ? (
              <>
                <Name>{nameOf(latest)}</Name>: <Text>{excerptOf(latest)}</Text>
              </>
            ) : (
              <Text>{thread.description ?? 'No messages yet'}</Text>
            )}
          </span>
        </span>
        {unread > 0 && (
          <span class="num">
            {unread > 999 ? '999+' : unread}
            <span class="vh"> unread</span>
          </span>
        )}
      </a>
    </li>
  )
})
