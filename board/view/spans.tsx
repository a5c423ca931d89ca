/** The spans of Markdown as elements: emphasis, code, links, and the tags that stand for one. */
import type { Token, Tokens } from 'marked'
import type { ComponentChildren } from 'preact'
import { readLink, saysWhere } from '../text/links.ts'
import { Linked } from './references.tsx'
import { Text } from './text.tsx'

/** The spans, or the text where there are none. */
export function renderInline(
  tokens: Token[] | undefined,
  text: string,
  isInLink = false,
): ComponentChildren {
  return tokens ? renderSpans(tokens, isInLink) : <Text>{text}</Text>
}

/** The spans in their order; those between the tags of a subscript or superscript are in it. */
export function renderSpans(tokens: Token[], isInLink = false): ComponentChildren {
  const rendered: ComponentChildren[] = []
  let text = ''
  const flush = () => {
    if (text) rendered.push(isInLink ? <Text>{text}</Text> : <Linked>{text}</Linked>)
    text = ''
  }
  for (let i = 0; i < tokens.length; i += 1) {
    const token = tokens[i] as Tokens.Generic
    const Level = LEVELS[token.raw.toLowerCase()]
    const end = Level && findEnd(tokens, i, Level)
    if (Level && end) {
      flush()
      rendered.push(<Level>{renderSpans(tokens.slice(i + 1, end), isInLink)}</Level>)
      i = end
    } else if (isText(token)) text += token.text
    else {
      flush()
      rendered.push(renderSpan(token, isInLink))
    }
  }
  flush()
  return rendered
}

const LEVELS: Record<string, 'sub' | 'sup' | undefined> = { '<sub>': 'sub', '<sup>': 'sup' }

/** Tokens within which a subscript or superscript ends. */
const LEVEL_LENGTH = 20

function findEnd(tokens: Token[], start: number, level: 'sub' | 'sup'): number | undefined {
  const after = tokens.slice(start + 1, start + LEVEL_LENGTH)
  const end = after.findIndex(({ raw }) => raw.toLowerCase() === `</${level}>`)
  return end < 0 ? undefined : start + 1 + end
}

/** Whether the token is only text: a run of them is drawn as one. */
function isText({ type, tokens }: Tokens.Generic): boolean {
  return type === 'escape' || (type === 'text' && !tokens)
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
    case 'html':
      return /^<br ?\/?>$/i.test(token.raw) ? <br /> : <Text>{token.raw}</Text>
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
      return renderInline(token.tokens, token.text, isInLink)
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
