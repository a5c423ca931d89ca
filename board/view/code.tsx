/** A block of code: what language it is in, its lines, and whether long ones are wrapped. */
import { useMemo, useState } from 'preact/hooks'
import { type DiffLine, readDiff } from '../text/diff.ts'
import { CopyButton } from './copy.tsx'
import { Icon } from './icons.tsx'
import { Text } from './text.tsx'

export function CodeBlock({ text, language }: { text: string; language: string }) {
  const [isWrapped, setWrapped] = useState(false)
  const [name = ''] = language.split(/\s/)
  const lines = useMemo(() => readDiff(text, name), [text, name])
  return (
    <figure class={lines ? 'code diff' : 'code'}>
      <figcaption>
        <span class="cut">
          <Text>{name}</Text>
          {lines && ` · ${count(lines, 'add')} added, ${count(lines, 'del')} removed`}
        </span>
        <span class="grow" />
        <button
          class="btn small icon"
          type="button"
          aria-label="Wrap long lines"
          title="Wrap long lines"
          aria-pressed={isWrapped}
          onClick={() => setWrapped(!isWrapped)}
        >
          <Icon name="wrap" />
        </button>
        <CopyButton text={text} label="Copy code" shown="Copy" />
      </figcaption>
      <pre tabIndex={0} class={isWrapped ? 'wrapped' : undefined}>
        <code>
          {lines ? (
            lines.map((line) => (
              <span class={line.kind ? `ln ${line.kind}` : 'ln'}>
                <Text>{`${line.text}\n`}</Text>
              </span>
            ))
          ) : (
            <Text>{text}</Text>
          )}
        </code>
      </pre>
    </figure>
  )
}

function count(lines: DiffLine[], kind: DiffLine['kind']): number {
  return lines.filter((line) => line.kind === kind).length
}
