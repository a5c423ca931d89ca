/** Starts the view: listens, greets the host, takes the result of the tool call, and follows. */
import { render } from 'preact'
import { boardBase } from '../state/route.ts'
import { reader } from '../view/drawn.tsx'
import * as markdown from '../view/markdown.tsx'
import { type Bridge, openBridge } from './bridge.ts'
import { end, followRelay, schedule, takeInput, takeResult } from './data.ts'
import { applyContext, capabilities, type HostCapabilities, type HostContext } from './host.ts'
import { View } from './view.tsx'

interface InitializeResult {
  hostCapabilities?: HostCapabilities
  hostContext?: HostContext
}

// All in one document.
reader.value = markdown

const root = document.getElementById('app') as HTMLElement

const bridge = openBridge({
  onNotification(method, params) {
    switch (method) {
      case 'ui/notifications/tool-input':
        return takeInput(params)
      case 'ui/notifications/tool-result':
        return takeResult(params)
      case 'ui/notifications/host-context-changed':
        return applyContext(params)
    }
  },
  onRequest(method) {
    if (method === 'ping') return {}
    if (method !== 'ui/resource-teardown') return undefined
    end()
    return {}
  },
})

async function greet(): Promise<void> {
  const answer = await bridge.request<InitializeResult>('ui/initialize', {
    protocolVersion: '2026-01-26',
    appInfo: { name: 'relay-board', version: '1' },
    appCapabilities: { availableDisplayModes: ['inline', 'fullscreen'] },
  })
  capabilities.value = answer.hostCapabilities ?? {}
  applyContext(answer.hostContext ?? {})
  bridge.notify('ui/notifications/initialized')
  schedule()
}

/** Tells the host how much room the content takes. */
function reportSize(to: Bridge): void {
  let last = ''
  new ResizeObserver(() => {
    const { width, height } = root.getBoundingClientRect()
    const size = { width: Math.ceil(width), height: Math.ceil(height) }
    if (JSON.stringify(size) === last) return
    last = JSON.stringify(size)
    to.notify('ui/notifications/size-changed', size)
  }).observe(root)
}

/** Links are opened by the host, which says to the person where they lead. */
function openLinks(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest('a') : null
  if (!link) return
  event.preventDefault()
  const href = link.getAttribute('href') ?? ''
  const url = href.startsWith('#') ? boardBase.value + href : href
  if (capabilities.peek().openLinks) bridge.request('ui/open-link', { url }).catch(() => {})
}

async function enlarge(): Promise<void> {
  const { mode } = await bridge.request<{ mode: string }>('ui/request-display-mode', {
    mode: 'fullscreen',
  })
  applyContext({ displayMode: mode })
}

boardBase.value = document.querySelector<HTMLMetaElement>('meta[name=relay-board]')?.content ?? ''
applyContext({})
followRelay(bridge)
render(<View onFullscreen={() => void enlarge().catch(() => {})} />, root)
addEventListener('click', openLinks)
reportSize(bridge)
// A host that never answers still sees the result of the tool call, if it sends that.
greet().catch(() => {})
