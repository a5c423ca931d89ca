/**
 * Markdown as elements: each token becomes one here. HTML in a message stays text, except for a few tags
 * that models write and that stand for an element without attributes. No string ever becomes markup.
 */
import type { Token, Tokens } from 'marked'
import type { ComponentChildren, VNode } from 'preact'
import { useMemo } from 'preact/hooks'
import { type DetailsToken, plainToken, readMarkdown } from '../text/markdown.ts'
import { CodeBlock } from './code.tsx'
import { Icon } from './icons.tsx'
import { renderInline, renderSpans } from './spans.tsx'
import { Text } from './text.tsx'

/** Levels of lists and quotes that are shown as such. */
const MAX_DEPTH = 12

/** With `isPlain`, the text as it is. */
export function Markdown({ text, isPlain = false }: { text: string; isPlain?: boolean }) {
  const blocks = useMemo(() => (isPlain ? [plainToken(text)] : readMarkdown(text)), [text, isPlain])
  return (
    <div class="md" dir="auto">
      {/* The day above the message is level 3 of the page's outline, and none of its own may be skipped. */}
      {renderBlocks(blocks, { depth: 0, outline: { level: 3 } })}
    </div>
  )
}

interface Place {
  /** How many lists and quotes are around it. */
  depth: number
  /** The level of the last heading, shared by the whole message. */
  outline: { level: number }
}

function renderBlocks(tokens: Token[], place: Place): ComponentChildren {
  return tokens.map((token) => renderBlock(token as Tokens.Generic, place))
}

function deeper({ depth, outline }: Place): Place {
  return { depth: depth + 1, outline }
}

function renderBlock(token: Tokens.Generic, place: Place): ComponentChildren {
  if (place.depth > MAX_DEPTH)
    return (
      <p>
        <Text>{token.raw}</Text>
      </p>
    )
  switch (token.type) {
    case 'space':
    case 'def':
      return null
    case 'heading': {
      const { outline } = place
      outline.level = Math.min(token.depth + 3, outline.level + 1, 6)
      const Heading = `h${outline.level}` as 'h4' | 'h5' | 'h6'
      return <Heading>{renderInline(token.tokens, token.text)}</Heading>
    }
    case 'paragraph':
      return <p>{renderInline(token.tokens, token.text)}</p>
    case 'text':
      return <>{renderInline(token.tokens, token.text)}</>
    case 'code':
      return <CodeBlock text={token.text} language={token.lang ?? ''} />
    case 'blockquote':
      return <blockquote>{renderBlocks(token.tokens ?? [], deeper(place))}</blockquote>
    case 'list':
      return renderList(token as Tokens.List, place)
    case 'table':
      return renderTable(token as Tokens.Table)
    case 'hr':
      return <hr class="rule" />
    case 'details':
      return renderDetails(token as unknown as DetailsToken, place)
    case 'plain':
      return (
        <p class="plain">
          <Text>{token.raw}</Text>
        </p>
      )
    default:
      return (
        <p>
          <Text>{token.raw.trimEnd()}</Text>
        </p>
      )
  }
}

function renderDetails({ summary, tokens }: DetailsToken, place: Place): VNode {
  return (
    <details>
      <summary>
        <Icon name="turn" turns />
        <span>{summary.length > 0 ? renderSpans(summary) : 'Details'}</span>
      </summary>
      {renderBlocks(tokens, deeper(place))}
    </details>
  )
}

function renderList(list: Tokens.List, place: Place): VNode {
  const isTasks = list.items.every((item) => item.task)
  const items = list.items.map((item) => {
    const content = renderBlocks(
      item.tokens.filter(({ type }) => type !== 'checkbox'),
      deeper(place),
    )
    if (!item.task) return <li>{content}</li>
    return (
      <li class={item.checked ? 'task done' : 'task'}>
        <span class="box">
          {item.checked && <Icon name="check" />}
          <span class="vh">{item.checked ? 'Done: ' : 'Open: '}</span>
        </span>
        <div>{content}</div>
      </li>
    )
  })
  if (!list.ordered) return <ul class={isTasks ? 'tasks' : undefined}>{items}</ul>
  const start = Number(list.start)
  return <ol start={start > 0 && start < 1e6 ? start : 1}>{items}</ol>
}

function renderTable({ header, rows }: Tokens.Table): VNode {
  const cell = (each: Tokens.TableCell) => ({
    class: each.align === 'right' ? 'n' : undefined,
    children: renderInline(each.tokens, each.text),
  })
  return (
    <div class="table" tabIndex={0} role="region" aria-label="Table">
      <table>
        <thead>
          <tr>
            {header.map((each) => (
              <th {...cell(each)} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {row.map((each) => (
                <td {...cell(each)} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
