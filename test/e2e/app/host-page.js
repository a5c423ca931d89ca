/**
 * A host of MCP Apps in a page: the official bridge, around a view in a sandboxed frame of another origin.
 * host.ts bundles it and answers its requests. `open` is called by tests.
 */
import { AppBridge, PostMessageTransport } from '@modelcontextprotocol/ext-apps/app-bridge'

const views = []

/** Opens a view. `answers` is false for a host that never answers. */
window.open = async ({
  src,
  capabilities,
  context,
  input,
  result,
  answers = true,
  width = 700,
}) => {
  const frame = document.createElement('iframe')
  frame.sandbox = 'allow-scripts allow-same-origin'
  frame.style.cssText = `width: ${width}px; height: 520px; border: 1px solid gray`
  document.body.append(frame)
  const seen = []
  addEventListener('message', ({ source, data }) => {
    if (source === frame.contentWindow && data?.method) seen.push(data.method)
  })
  const view = { frame, seen, sizes: [], links: [], bridge: undefined }
  const index = views.push(view) - 1
  if (answers) {
    const bridge = new AppBridge(null, { name: 'host of the tests', version: '1' }, capabilities, {
      hostContext: context,
    })
    view.bridge = bridge
    bridge.onsizechange = (size) => view.sizes.push(size)
    bridge.onopenlink = async ({ url }) => {
      view.links.push(url)
      return {}
    }
    bridge.onrequestdisplaymode = async ({ mode }) => ({ mode })
    if (capabilities.serverTools) bridge.oncalltool = (params) => window.callTool(params)
    const ready = new Promise((resolve) => {
      bridge.oninitialized = resolve
    })
    await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow))
    frame.src = src
    await ready
    await bridge.sendToolInput({ arguments: input ?? {} })
    if (result) await bridge.sendToolResult(result)
  } else {
    frame.src = src
    await new Promise((resolve) => {
      frame.onload = resolve
    })
    if (result) {
      const message = { jsonrpc: '2.0', method: 'ui/notifications/tool-result', params: result }
      frame.contentWindow.postMessage(message, '*')
    }
  }
  return index
}

window.view = (index) => views[index]
