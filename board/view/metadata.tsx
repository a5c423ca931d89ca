/** The metadata of a message, folded. */
import { readLink } from '../text/links.ts'
import { Icon } from './icons.tsx'
import { Name, Text } from './text.tsx'

export function Metadata({ metadata }: { metadata: Record<string, unknown> }) {
  const entries = Object.entries(metadata)
  if (entries.length === 0) return null
  return (
    <details class="kv">
      <summary>
        <Icon name="turn" turns />
        Metadata · {entries.length}
      </summary>
      <dl>
        {entries.map(([key, value]) => (
          <>
            <dt>
              <Name>{key}</Name>
            </dt>
            <dd>
              <Value value={value} />
            </dd>
          </>
        ))}
      </dl>
    </details>
  )
}

/** A value of the metadata: an address is a link, and a list of texts has a line for each. */
function Value({ value }: { value: unknown }) {
  if (Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string')) {
    return (
      <>
        {value.map((each) => (
          <div>
            <Value value={each} />
          </div>
        ))}
      </>
    )
  }
  if (typeof value !== 'string') return <Text>{JSON.stringify(value)}</Text>
  const link = /^https?:\/\/\S+$/.test(value) ? readLink(value) : undefined
  if (!link) return <Text>{value}</Text>
  return (
    <a href={link.href} target="_blank" rel="noopener noreferrer">
      <Text>{value}</Text>
    </a>
  )
}
