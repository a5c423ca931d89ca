/** The parts that draw a message from its Markdown: a file of their own, which drawn.tsx loads. */
export { Document } from './document.tsx'
export { Markdown } from './markdown.tsx'
