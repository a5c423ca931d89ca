/** A component that is drawn again only when one of its props is another. */
import { Component, type ComponentChildren, type FunctionComponent } from 'preact'

export function memo<Props extends object>(
  render: (props: Props) => ComponentChildren,
): FunctionComponent<Props> {
  class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Props): boolean {
      const names = new Set([...Object.keys(next), ...Object.keys(this.props)]) as Set<keyof Props>
      return [...names].some((name) => next[name] !== this.props[name])
    }
    override render(props: Props) {
      return render(props)
    }
  }
  return Memo as unknown as FunctionComponent<Props>
}
