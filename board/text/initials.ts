/** Two letters that stand for a name: those of its first two parts, else its first two. */
export function initialsOf(name: string): string {
  const parts = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean)
  const [first = '', second] = parts
  const letters = second
    ? [...first].slice(0, 1).concat([...second].slice(0, 1))
    : [...first].slice(0, 2)
  return letters.map((letter, i) => (i === 0 || second ? letter.toUpperCase() : letter)).join('')
}
