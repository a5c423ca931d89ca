/** One field for everything: threads, what waits, readers, commands, and the search of messages. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { nameOf } from '../relay/types.ts'
import { isPaletteOpen } from '../state/dialog.ts'
import { forYou } from '../state/for-you.ts'
import { go, type Route } from '../state/route.ts'
import { readers, threads } from '../state/threads.ts'
import { readQuestion } from '../text/question.ts'
import { filterTags } from '../text/tags.ts'
import { listCommands } from './commands.ts'
import { Icon, type IconName } from './icons.tsx'
import { isComposing, isMac } from './keys.ts'
import { Name, Text } from './text.tsx'

/** Entries of a group. */
const MOST = 6

interface Entry {
  icon: IconName
  /** A name from the relay, which is not to turn the text around it. */
  name: string
  note?: string | undefined
  run: () => void
}

interface Group {
  label: string
  entries: Entry[]
}

const close = () => {
  isPaletteOpen.value = false
}

export function Palette() {
  const dialog = useRef<HTMLDialogElement>(null)
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  useEffect(() => dialog.current?.showModal(), [])
  const groups = findGroups(text).filter(({ entries }) => entries.length > 0)
  const all = groups.flatMap(({ entries }) => entries)
  const current = Math.min(at, all.length - 1)
  useEffect(() => {
    dialog.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' })
  }, [current])

  const choose = (entry: Entry | undefined) => {
    if (!entry) return
    dialog.current?.close()
    entry.run()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (by !== undefined) setAt((current + by + all.length) % all.length)
    else if (event.key === 'Enter') {
      choose(event.metaKey || event.ctrlKey ? searchFor(text) : all[current])
    } else return
    event.preventDefault()
  }
  let index = -1
  return (
    <dialog ref={dialog} class="palette" aria-label="Go to or search" onClose={close}>
      <label class="palette-field">
        <Icon name="search" />
        <span class="vh">Thread, reader, command or words of a message</span>
        <input
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={`entry-${current}`}
          aria-autocomplete="list"
          autocomplete="off"
          placeholder="Go to or search"
          maxLength={200}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value)
            setAt(0)
          }}
          onKeyDown={onKeyDown}
        />
      </label>
      <div class="palette-list" id="palette-list" role="listbox" aria-label="Matches">
        {groups.map(({ label, entries }) => (
          <div role="group" aria-label={label} key={label}>
            <p class="label-line" aria-hidden="true">
              {label}
            </p>
            {entries.map((entry) => {
              index += 1
              return <Option entry={entry} index={index} at={current} onChoose={choose} />
            })}
          </div>
        ))}
      </div>
      <p class="palette-foot wide-only" aria-hidden="true">
        <span>
          <kbd>@</kbd> readers
        </span>
        <span>
          <kbd>&gt;</kbd> commands
        </span>
        <span>
          <kbd>{isMac ? '⌘ Enter' : 'Ctrl Enter'}</kbd> search messages
        </span>
      </p>
    </dialog>
  )
}

interface OptionProps {
  entry: Entry
  index: number
  at: number
  onChoose: (entry: Entry) => void
}

function Option({ entry, index, at, onChoose }: OptionProps) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys go to the field.
    <div
      class="option"
      id={`entry-${index}`}
      role="option"
      tabIndex={-1}
      aria-selected={index === at}
      onClick={() => onChoose(entry)}
    >
      <Icon name={entry.icon} />
      <span class="cut">
        <Name>{entry.name}</Name>
      </span>
      {entry.note && (
        <span class="side-note cut">
          <Text>{entry.note}</Text>
        </span>
      )}
    </div>
  )
}

function findGroups(text: string): Group[] {
  const wanted = text.replace(/^[@>]\s*/, '').trim()
  const has = (name: string) => name.toLowerCase().includes(wanted.toLowerCase())
  const commands = listCommands().filter(({ name }) => has(name))
  if (text.startsWith('>')) return [{ label: 'Commands', entries: commands }]
  const people = findReaders(wanted)
  if (text.startsWith('@')) return [{ label: 'Readers', entries: people }]
  const found = (threads.value ?? []).filter(
    ({ name, description = '', archived }) =>
      has(`${name}\n${description}`) && (wanted || !archived),
  )
  const entries = found.slice(0, MOST).map(
    ({ name, description, archived }): Entry => ({
      icon: archived ? 'archive' : 'chat',
      name,
      note: archived ? 'archived' : description,
      run: () => go({ at: 'thread', name }),
    }),
  )
  return [
    { label: 'For you', entries: findWaiting(has) },
    { label: 'Threads', entries },
    { label: 'Readers', entries: wanted ? people : [] },
    { label: 'Commands', entries: commands.slice(0, wanted ? MOST : 4) },
    { label: 'Messages', entries: wanted ? [searchFor(wanted)] : [] },
  ]
}

function findWaiting(has: (name: string) => boolean): Entry[] {
  const all = forYou.value ?? []
  const found = all.filter((each) => has(`${each.thread_name} ${nameOf(each)} ${each.content}`))
  return found.slice(0, 3).map((each) => ({
    icon: 'inbox',
    name: readQuestion(each.content).text || 'No text',
    note: `${nameOf(each)} in ${each.thread_name}`,
    run: () => go({ at: 'thread', name: each.thread_name, seq: each.seq }),
  }))
}

/** The readers, which lead to their messages. */
function findReaders(wanted: string): Entry[] {
  const tags = readers.value.map(({ reader_tag }) => reader_tag)
  return filterTags(tags, wanted)
    .slice(0, MOST)
    .map((from) => ({
      icon: 'people',
      name: from,
      note: 'what it wrote',
      run: () => go({ at: 'search', from }),
    }))
}

function searchFor(text: string): Entry {
  const q = text.trim()
  const to: Route = { at: 'search', ...(q && { q }) }
  return { icon: 'search', name: `Search messages for “${q}”`, run: () => go(to) }
}
