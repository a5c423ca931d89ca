/**
 * Markdown as elements. marked's lexer reads it; each of its tokens becomes an element here, and HTML in
 * a message stays text. No string ever becomes markup.
 */
import { marked, type Token, type Tokens } from 'marked'
import type { ComponentChildren, VNode } from 'preact'
import { readLink, saysWhere } from '../text/links.ts'
import { CopyButton } from './copy.tsx'
import { Icon } from './icons.tsx'
import { Text } from './text.tsx'

/** Characters beyond which a text is shown as it is: reading Markdown could take seconds. */
const MAX_LENGTH = 20_000

/** Levels of lists and quotes that are shown as such. */
const MAX_DEPTH = 12

/** Many opening marks in a row keep the lexer busy for seconds, and mean nothing to a reader. */
const HOSTILE = /[[(*_~`<>!]{200}|^(?:[ \t]*(?:>|[-+*]|\d+[.)])){30}/m

export function Markdown({ text }: { text: string }) {
  return (
    <div class="md" dir="auto">
      {renderMarkdown(text) ?? (
        <p class="plain">
          <Text>{text}</Text>
        </p>
      )}
    </div>
  )
}

/** The elements; undefined when the text is better shown as it is. */
function renderMarkdown(text: string): ComponentChildren {
  if (text.length > MAX_LENGTH || HOSTILE.test(text)) return undefined
  // The day above the message is level 3 of the page's outline, and none of its own may be skipped.
  const outline = { level: 3 }
  try {
    return renderBlocks(marked.lexer(text, { gfm: true, breaks: true }), { depth: 0, outline })
  } catch {
    return undefined
  }
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
      return <p class="rule">* * *</p>
    default:
      return (
        <p>
          <Text>{token.raw.trimEnd()}</Text>
        </p>
      )
  }
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

function renderInline(
  tokens: Token[] | undefined,
  text: string,
  isInLink = false,
): ComponentChildren {
  if (!tokens) return <Text>{text}</Text>
  return tokens.map((token) => renderSpan(token as Tokens.Generic, isInLink))
}

function renderSpan(token: Tokens.Generic, isInLink: boolean): ComponentChildren {
  switch (token.type) {
    case 'strong':
      return <strong>{renderInline(token.tokens, token.text, isInLink)}</strong>
    case 'em':
      return <em>{renderInline(token.tokens, token.text, isInLink)}</em>
    case 'del':
      return <del>{renderInline(token.tokens, token.text, isInLink)}</del>
    case 'codespan':
      return (
        <code>
          <Text>{token.text}</Text>
        </code>
      )
    case 'br':
      return <br />
    case 'escape':
      return <Text>{token.text}</Text>
    case 'link':
      return renderLink(
        token.href,
        renderInline(token.tokens, token.text, true),
        token.text,
        token.raw,
      )
    case 'image': {
      const name = <Text>{token.text || 'image'}</Text>
      // A badge: the link around it leads somewhere, and there can be only one.
      return isInLink ? name : renderLink(token.href, name, '', token.raw)
    }
    case 'text':
      return token.tokens ? (
        renderInline(token.tokens, token.text, isInLink)
      ) : (
        <Text>{token.text}</Text>
      )
    default:
      return <Text>{token.raw}</Text>
  }
}

function renderLink(
  href: string,
  content: ComponentChildren,
  text: string,
  raw: string,
): ComponentChildren {
  const link = readLink(href)
  if (!link) return <Text>{raw}</Text>
  return (
    <>
      <a href={link.href} target="_blank" rel="noopener noreferrer">
        {content}
      </a>
      {!saysWhere(text, link) && (
        <span class="goes">
          {' '}
          <Text>{link.host}</Text>
        </span>
      )}
    </>
  )
}

function CodeBlock({ text, language }: { text: string; language: string }) {
  return (
    <figure class="code">
      <figcaption>
        <span class="cut">
          <Text>{language.split(/\s/)[0] || 'code'}</Text>
        </span>
        <CopyButton text={text} label="Copy code" shown="Copy" />
      </figcaption>
      <pre tabIndex={0}>
        <code>
          <Text>{text}</Text>
        </code>
      </pre>
    </figure>
  )
}
