/** The page at `/` for a person who opens the relay in a browser: whether it is set up, how to connect. */
import { render } from 'preact'
import { Home, type RelayInfo } from './view/home-page.tsx'

const root = document.getElementById('home') as HTMLElement
const response = await fetch('/', { headers: { accept: 'application/json' } })
const info = (await response.json()) as RelayInfo
root.replaceChildren()
render(<Home info={info} />, root)
