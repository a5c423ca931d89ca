/** For whom a message is: everyone, or one reader, chosen from those that are known or typed. */
import { relayNow } from '../relay/client.ts'
import { isPerson, PERSON } from '../relay/types.ts'
import { readers } from '../state/threads.ts'
import { transcript } from '../state/transcript.ts'
import { filterTags } from '../text/tags.ts'
import { formatAge } from '../text/time.ts'
import { Icon } from './icons.tsx'
import { Menu, type MenuItem } from './menu.tsx'
import { Name } from './text.tsx'

/** Who has written in the open thread, if it is that one, the latest first. */
function participantsOf(thread: string): string[] {
  const open = transcript.value
  if (open?.name !== thread) return []
  const tags = open.messages.flatMap((each) => (isPerson(each) || !each.from ? [] : [each.from]))
  return [...new Set(tags.toReversed())].filter((tag) => tag !== PERSON)
}

/** Everyone who is known: who takes part in a thread first. */
export function knownTags(thread: string): string[] {
  return [...new Set([...participantsOf(thread), ...readers.value.map((each) => each.reader_tag)])]
}

interface AddresseeProps {
  thread: string
  to: string
  onChoose: (to: string) => void
}

export function Addressee({ thread, to, onChoose }: AddresseeProps) {
  return (
    <Menu
      class="btn small quiet to"
      label={to ? `To ${to}` : 'To everyone'}
      opens="up"
      align="left"
      button={
        <>
          <Icon name="to" />
          <span class="cut">{to ? <Name>{to}</Name> : 'Everyone'}</span>
          <Icon name="drop" />
        </>
      }
      filter="Find a reader, or type a tag"
      items={(text) => itemsFor(text.trim().replace(/^@/, ''), thread, to, onChoose)}
    />
  )
}

function itemsFor(
  text: string,
  thread: string,
  to: string,
  onChoose: (to: string) => void,
): MenuItem[] {
  const participants = participantsOf(thread)
  const known = knownTags(thread)
  const found = filterTags(known, text)
  const item = (tag: string, label: MenuItem['label'], hasLine: boolean): MenuItem => ({
    label,
    hasLine,
    isChecked: tag === to,
    run: () => onChoose(tag),
  })
  const items = found.map((tag, i) => {
    // Without a filter, a line between who takes part in the thread and who does not.
    const isFirst = i === 0 || (text === '' && i === participants.length)
    return item(tag, <Reader tag={tag} />, isFirst && text === '')
  })
  const isKnown = known.some((tag) => tag.toLowerCase() === text.toLowerCase())
  if (text && !isKnown) items.push(item(text, <Unknown tag={text} />, items.length > 0))
  return text ? items : [item('', 'Everyone', false), ...items]
}

export function Reader({ tag }: { tag: string }) {
  const now = relayNow()
  const seen = readers.value.find(({ reader_tag }) => reader_tag === tag)?.last_seen_at
  return (
    <>
      <span class={isNow(seen, now) ? 'dot' : 'dot off'} aria-hidden="true" />
      <span class="cut">
        <Name>{tag}</Name>
      </span>
      {seen && <time>{formatAge(seen, now)}</time>}
    </>
  )
}

function Unknown({ tag }: { tag: string }) {
  return (
    <>
      <span class="cut">
        <Name>{tag}</Name>
      </span>
      <small>not seen yet</small>
    </>
  )
}

/** Whether a reader was seen in the last two minutes: the relay notes it at most once a minute. */
export function isNow(time: string | undefined, now: number): boolean {
  return time !== undefined && now - Date.parse(time) < 120_000
}
