/** The buttons and the menu in the head of a thread. */
import { isReadOnly } from '../relay/sign-in.ts'
import type { Thread } from '../relay/types.ts'
import { setArchived } from '../state/actions.ts'
import { threadDialog } from '../state/dialog.ts'
import { muted, toggleMuted } from '../state/muted.ts'
import { markAllRead } from '../state/read-state.ts'
import { go } from '../state/route.ts'
import { announced, toggleAnnounced } from '../state/settings.ts'
import { say } from '../state/status.ts'
import { transcript } from '../state/transcript.ts'
import { copyText } from './copy.tsx'
import { Icon, type IconName } from './icons.tsx'
import { requireParts } from './lazy.tsx'
import { Menu, type MenuItem } from './menu.tsx'

export function Tools({ name, thread }: { name: string; thread: Thread | undefined }) {
  const isArchived = thread?.archived === true
  const copyContext = async () => {
    const copied = copyText(async () => (await requireParts()).contextOf(name))
    if (await copied) say(describeCopy(thread?.message_count ?? 0))
  }
  const archive: MenuItem = {
    label: (
      <Labelled
        icon={isArchived ? 'restore' : 'archive'}
        text={isArchived ? 'Restore' : 'Archive'}
        keys="Shift E"
      />
    ),
    run: () => void setArchived(name, !isArchived),
  }
  const managing: MenuItem[] = [
    {
      label: <Labelled icon="write" text="Name and description …" />,
      hasLine: true,
      run: () => {
        threadDialog.value = { about: 'edit', thread: name }
      },
    },
    archive,
    ...(isArchived
      ? [
          {
            label: <Labelled icon="bin" text="Delete …" />,
            run: () => {
              threadDialog.value = { about: 'delete', thread: name }
            },
          },
        ]
      : []),
  ]
  const items: MenuItem[] = [
    {
      label: <Labelled icon="check" text="Mark all as read" />,
      run: () => markAllRead([thread ?? { name, message_count: 0, latest: lastOf() }]),
    },
    {
      label: <Labelled icon="mute" text="Mute" />,
      isChecked: muted.value.has(name),
      run: () => toggleMuted(name),
    },
    {
      label: <Labelled icon="bell" text="Notify me of every message" />,
      isChecked: announced.value.has(name),
      run: () => void toggleAnnounced(name),
    },
    { label: <Labelled icon="doc" text="Copy as context" />, run: () => void copyContext() },
    {
      label: <Labelled icon="download" text="Download as Markdown" />,
      run: () => void saveFile(name),
    },
    ...(isReadOnly.value ? [] : managing),
  ]
  return (
    <div class="head-tools">
      <button
        class="btn icon"
        type="button"
        aria-label="Search and filter this thread"
        title="Search and filter this thread"
        onClick={() => go({ at: 'search', thread: name })}
      >
        <Icon name="search" />
      </button>
      <button
        class="btn icon wide-only"
        type="button"
        aria-label="Copy thread as context"
        title="Copy thread as context"
        onClick={() => void copyContext()}
      >
        <Icon name="doc" />
      </button>
      {!isReadOnly.value && (
        <button
          class="btn icon wide-only"
          type="button"
          aria-label={isArchived ? 'Restore' : 'Archive'}
          title={isArchived ? 'Restore (Shift E)' : 'Archive (Shift E)'}
          onClick={() => void setArchived(name, !isArchived)}
        >
          <Icon name={isArchived ? 'restore' : 'archive'} />
        </button>
      )}
      <Menu class="btn icon" label="More actions" button={<Icon name="dots" />} items={items} />
    </div>
  )
}

/** The relay gives the latest messages, as many as a chat takes. */
function describeCopy(count: number): string {
  const most = 100
  if (count <= most) return `Copied ${count.toLocaleString()} messages`
  return `Copied the latest ${most} of ${count.toLocaleString()} messages`
}

async function saveFile(name: string): Promise<void> {
  try {
    const { download } = await requireParts()
    await download(name)
  } catch (error) {
    say((error as Error).message)
  }
}

/** The end of a thread that the list does not hold. */
function lastOf(): Thread['latest'] {
  const last = transcript.peek()?.messages.at(-1)
  return last && { ...last, excerpt: '' }
}

function Labelled({ icon, text, keys }: { icon: IconName; text: string; keys?: string }) {
  return (
    <>
      <Icon name={icon} />
      {text}
      {keys && <kbd>{keys}</kbd>}
    </>
  )
}
