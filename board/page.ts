/** The page at `/`: copy buttons, the key filled in, and how the database is for somebody signed in. */

import { writeClipboard } from './text/clipboard.ts'
import { fillIn } from './text/fill-in.ts'

const COPY =
  'M7 5.75h5a1.25 1.25 0 0 1 1.25 1.25v5A1.25 1.25 0 0 1 12 13.25H7A1.25 1.25 0 0 1 5.75 12V7A1.25 1.25 0 0 1 7 5.75M10.25 5.5V3.75a1 1 0 0 0-1-1h-5.5a1 1 0 0 0-1 1v5.5a1 1 0 0 0 1 1H5.5'

const field = document.querySelector<HTMLInputElement>('#key')

const fill = (text: string, isForEyes: boolean) => fillIn(text, field?.value ?? '', isForEyes)

function addButton(place: Element, name: string, word: string, text: () => string): void {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = word ? 'btn small quiet' : 'btn small icon'
  button.title = name
  button.setAttribute('aria-live', 'polite')
  const icon = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  icon.setAttribute('class', 'i')
  icon.setAttribute('viewBox', '0 0 16 16')
  icon.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  path.setAttribute('d', COPY)
  icon.append(path)
  const label = document.createElement('span')
  label.className = word ? '' : 'vh'
  label.textContent = word || name
  button.append(icon, label)
  button.onclick = async () => {
    label.textContent = (await writeClipboard(text())) ? 'Copied' : 'Not copied'
    setTimeout(() => {
      label.textContent = word || name
    }, 2000)
  }
  place.append(button)
}

for (const figure of document.querySelectorAll('figure.code')) {
  const caption = figure.querySelector('figcaption') as Element
  const code = figure.querySelector('code') as Element
  const text = code.textContent ?? ''
  addButton(caption, `Copy: ${caption.textContent}`, 'Copy', () => fill(text, false))
  field?.addEventListener('input', () => {
    code.textContent = fill(text, true)
  })
}
const address = document.querySelector('#address')
if (address?.parentElement) {
  addButton(address.parentElement, 'Copy the address', '', () => address.textContent ?? '')
}
for (const item of document.querySelectorAll('.say li')) {
  const sentence = item.textContent ?? ''
  addButton(item, `Copy: ${sentence}`, '', () => sentence)
}
document.querySelector('#key-part')?.removeAttribute('hidden')

const pill = document.querySelector('#status')
const kept = sessionStorage.getItem('relay-board') ?? localStorage.getItem('relay-board')
const token = kept && JSON.parse(kept)?.access
if (pill && token) {
  const response = await fetch('/health', { headers: { authorization: `Bearer ${token}` } })
  const health = await response.json().catch(() => undefined)
  const time = health?.database?.round_trip_ms
  if (pill.lastChild && health?.database) {
    pill.lastChild.textContent =
      time === undefined ? 'Running · the database is away' : `Running · database ${time} ms`
  }
}
