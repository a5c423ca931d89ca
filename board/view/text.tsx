/** Text from strangers: invisible characters are shown as marks. */
import { findUnseen } from '../text/characters.ts'
import { type Marked, markWords } from '../text/words.ts'

/** A text as it is, with marks. */
export function Text({ children }: { children: string }) {
  return (
    <>
      {findUnseen(children).map((piece) =>
        typeof piece === 'string' ? (
          piece
        ) : (
          <span class="ctl" title={piece.name}>
            U+{piece.code}
          </span>
        ),
      )}
    </>
  )
}

/** A name or tag, whose direction does not turn the text next to it. */
export function Name({ children }: { children: string }) {
  return (
    <bdi>
      <Text>{children}</Text>
    </bdi>
  )
}

/** A text with the words of a search marked. */
export function Hits({ children, words }: { children: string; words: string[] }) {
  return (
    <>
      {markWords(children, words).map(({ text, isHit }: Marked) =>
        isHit ? (
          <mark>
            <Text>{text}</Text>
          </mark>
        ) : (
          <Text>{text}</Text>
        ),
      )}
    </>
  )
}
