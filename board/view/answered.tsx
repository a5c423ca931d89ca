/** The line above an answer: what it answers, and the way there. */
import { formatRoute } from '../state/route.ts'
import { Name, Text } from './text.tsx'

interface AnsweredProps {
  thread: string
  seq: number
  /** Author and beginning, where they are known. */
  name?: string | undefined
  line?: string | undefined
}

export function Answered({ thread, seq, name, line }: AnsweredProps) {
  return (
    <a class="answers" href={formatRoute({ at: 'thread', name: thread, seq })}>
      <span class="vh">Answers</span>
      {name && (
        <b class="cut">
          <Name>{name}</Name>
        </b>
      )}
      <span class="cut">{line ? <Text>{line}</Text> : 'an earlier message'}</span>
      <span class="seq">#{seq}</span>
    </a>
  )
}
