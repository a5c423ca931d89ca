/** The face of an author: two letters, with the surface as a small mark; the person has a sign of their own. */
import { type Author, isPerson, nameOf } from '../relay/types.ts'
import { initialsOf } from '../text/initials.ts'
import { Icon, SurfaceIcon } from './icons.tsx'

export function Face({ author }: { author: Author }) {
  if (isPerson(author)) {
    return (
      <span class="tile you" aria-hidden="true">
        <Icon name="you" />
      </span>
    )
  }
  return (
    <span class="tile" aria-hidden="true">
      {initialsOf(nameOf(author))}
      <span class="mark">
        <SurfaceIcon surface={author.surface} isPerson={false} />
      </span>
    </span>
  )
}
