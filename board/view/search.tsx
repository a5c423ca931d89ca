/** Search in all threads or one, with filters by surface and author: all of it in the address. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { callTool } from '../relay/client.ts'
import { PERSON, SURFACES } from '../relay/types.ts'
import { boardBase, type Filters, formatRoute, go, readPlace, savePlace } from '../state/route.ts'
import { noteFault, noteSuccess, say } from '../state/status.ts'
import { readers } from '../state/threads.ts'
import { filterTags } from '../text/tags.ts'
import { CopyButton } from './copy.tsx'
import { Icon, SurfaceIcon } from './icons.tsx'
import { Menu, type MenuItem } from './menu.tsx'
import { Back, Case, MessageSkeleton } from './panes.tsx'
import { type Found, Results } from './results.tsx'
import { Name } from './text.tsx'

/** Messages of one answer. */
const PAGE = 50

export function SearchPane({ filters }: { filters: Filters }) {
  const { q, thread, surface, from } = filters
  const [found, setFound] = useState<Found>()
  const [problem, setProblem] = useState('')
  const isAsking = Boolean(q || thread || surface || from)

  const generation = useRef(0)
  const isLoading = useRef(false)
  const load = async (before: number | undefined, stop?: AbortSignal) => {
    const own = generation.current
    // A second press on the same button asks for the same page.
    if (before !== undefined && isLoading.current) return
    isLoading.current = true
    try {
      const reading = await callTool('relay_read_thread', askFor(filters, before), stop)
      if (own !== generation.current) return
      noteSuccess()
      setProblem('')
      setFound((known) => ({
        messages: [...(before === undefined ? [] : (known?.messages ?? [])), ...reading.messages],
        reading,
      }))
    } catch (error) {
      if (stop?.aborted || own !== generation.current) return
      const { message } = noteFault(error)
      // The results stay.
      if (before === undefined) setProblem(message)
      else say(message)
    } finally {
      if (own === generation.current) isLoading.current = false
    }
  }

  useEffect(() => {
    generation.current += 1
    isLoading.current = false
    setFound(undefined)
    setProblem('')
    if (!isAsking) return
    const stop = new AbortController()
    // Typing asks once it pauses.
    const timer = setTimeout(() => void load(undefined, stop.signal), 200)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [q, thread, surface, from])

  // Back from a hit leads to where it was in the list.
  const box = useRef<HTMLDivElement>(null)
  const timer = useRef(0)
  const keep = () => {
    clearTimeout(timer.current)
    const { scrollTop } = box.current ?? {}
    timer.current = setTimeout(() => savePlace(scrollTop), 100)
  }
  useEffect(() => () => clearTimeout(timer.current), [])
  const isFound = found !== undefined
  useLayoutEffect(() => {
    const place = readPlace()
    if (isFound && box.current && typeof place === 'number') box.current.scrollTop = place
  }, [isFound])

  return (
    <section class="pane" aria-label="Search">
      <Head filters={filters} summary={summarize(found, filters)} />
      {problem && <FilterBar filters={filters} isAlone />}
      {problem ? (
        <Case title="The search failed" text={problem}>
          <button class="btn primary" type="button" onClick={() => void load(undefined)}>
            Try again
          </button>
        </Case>
      ) : isAsking && !found ? (
        <>
          <FilterBar filters={filters} isAlone />
          <MessageSkeleton />
        </>
      ) : (
        <div class="scroll" ref={box} onScroll={keep}>
          <div class="col feed">
            <FilterBar filters={filters} />
            {found && <Results found={found} filters={filters} onMore={load} />}
            {!isAsking && (
              <p class="none">Search words. Also: “a phrase”, -exclude, this or that.</p>
            )}
          </div>
        </div>
      )}
    </section>
  )
}

function askFor({ q, thread, surface, from }: Filters, before: number | undefined) {
  return {
    limit: PAGE,
    ...(q && { query: q }),
    ...(thread && { thread_name: thread }),
    ...(surface && { surface }),
    ...(from && { from }),
    ...(before !== undefined && { before_seq: before }),
  }
}

function summarize(found: Found | undefined, { thread }: Filters): string {
  if (!found) return ''
  const { messages, reading } = found
  // A thread without a word or a filter is not a search: the relay counts the older messages.
  const hits =
    reading.threads?.reduce((sum, each) => sum + each.hits, 0) ??
    messages.length + (reading.older_count ?? 0)
  const count = `${Math.max(hits, messages.length).toLocaleString()}${reading.has_more ? '+' : ''}`
  const names = new Set(messages.map((message) => message.thread_name))
  const threads = Math.max(names.size, reading.threads?.length ?? 0)
  const where = thread || threads < 2 ? '' : ` in ${threads} threads`
  if (count === '0') return 'No messages'
  return `${count} ${count === '1' ? 'message' : 'messages'}${where}`
}

function Head({ filters, summary }: { filters: Filters; summary: string }) {
  const { q = '', thread } = filters
  const change = (text: string) => {
    const { q: _, ...rest } = filters
    go({ at: 'search', ...rest, ...(text && { q: text }) }, true)
  }
  return (
    <header class="head">
      <div class="col">
        <Back />
        <h2 class="vh">Search</h2>
        <label class="field grow">
          <Icon name="search" />
          <span class="vh">{thread ? `Search in ${thread}` : 'Search all messages'}</span>
          <input
            id="search"
            type="search"
            autocomplete="off"
            placeholder={thread ? `Search in ${thread}` : 'Search all messages'}
            value={q}
            ref={(field) => {
              if (field && !q && document.activeElement === document.body) field.focus()
            }}
            onInput={(event) => change(event.currentTarget.value)}
          />
          {q && (
            <button class="btn icon" type="button" aria-label="Clear" onClick={() => change('')}>
              <Icon name="close" />
            </button>
          )}
        </label>
        <span class="head-sub wide-only" role="status">
          {summary}
        </span>
        <CopyButton
          text={`${boardBase.value}${formatRoute({ at: 'search', ...filters })}`}
          label="Copy link to this search"
          icon="link"
        />
      </div>
    </header>
  )
}

const SURFACE_NAMES = { code: 'Code', chat: 'Chat', cowork: 'Cowork', other: 'Other' } as const

function FilterBar({ filters, isAlone }: { filters: Filters; isAlone?: boolean }) {
  const { surface, from, thread } = filters
  const set = (change: Filters) => {
    const next = Object.entries({ ...filters, ...change }).filter(([, value]) => value)
    go({ at: 'search', ...Object.fromEntries(next) }, true)
  }
  const authors = [PERSON, ...readers.value.map(({ reader_tag }) => reader_tag)]
  const itemsFor = (text: string): MenuItem[] => {
    const found = filterTags(authors, text)
    if (text && !found.includes(text)) found.push(text)
    const items = found.map((each) => ({
      label: (
        <span class="cut">
          <Name>{each}</Name>
        </span>
      ),
      isChecked: from === each,
      run: () => set({ from: each }),
    }))
    if (text) return items
    return [{ label: 'Anyone', isChecked: !from, run: () => set({ from: '' }) }, ...items]
  }
  return (
    <fieldset class={isAlone ? 'filters col' : 'filters'}>
      <legend class="vh">Filters</legend>
      {thread && (
        <button class="btn toggle" type="button" aria-pressed onClick={() => set({ thread: '' })}>
          <span class="vh">Only in </span>
          <span class="cut">
            <Name>{thread}</Name>
          </span>
          <Icon name="close" />
        </button>
      )}
      <button
        class="btn toggle"
        type="button"
        aria-pressed={!surface}
        onClick={() => set({ surface: '' })}
      >
        All surfaces
      </button>
      {SURFACES.map((each) => (
        <button
          key={each}
          class="btn toggle"
          type="button"
          aria-pressed={surface === each}
          onClick={() => set({ surface: surface === each ? '' : each })}
        >
          <SurfaceIcon surface={each} isPerson={false} />
          {SURFACE_NAMES[each]}
        </button>
      ))}
      <Menu
        class={from ? 'btn toggle on' : 'btn toggle'}
        label={`Written by ${from ?? 'anyone'}`}
        align="left"
        button={
          <>
            <span class="cut">
              Written by <Name>{from ?? 'anyone'}</Name>
            </span>
            <Icon name="drop" />
          </>
        }
        filter="Find an author, or type a tag"
        items={(text) => itemsFor(text.trim())}
      />
    </fieldset>
  )
}
