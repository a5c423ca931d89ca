/**
 * openAppHost(): a page in Chromium that shows the relay's view as a chat would: the official bridge of
 * MCP Apps as the host, the view in a sandboxed frame of another origin, under the policy that the
 * specification has hosts set. Tool calls of the view go to the real relay.
 */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import type { TestRelay } from '../../support/relay.ts'
import { listen } from '../../support/server.ts'

const HOST = fileURLToPath(new URL('host-page.js', import.meta.url))

/** A host's default for a view that asks for no domain (SEP-1865, Content Security Policy). */
const POLICY =
  "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; media-src 'self' data:; connect-src 'none'"

let script: Promise<string> | undefined

async function bundleHost(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [HOST],
    bundle: true,
    format: 'iife',
    write: false,
    platform: 'browser',
  })
  return outputFiles[0]?.text ?? ''
}

export interface ViewOptions {
  capabilities?: Record<string, object>
  context?: Record<string, unknown>
  input?: Record<string, unknown>
  result?: unknown
  answers?: boolean
  width?: number
}

export async function openAppHost(
  browser: Browser,
  relay: TestRelay,
  html: string,
  options: BrowserContextOptions = {},
) {
  script ??= bundleHost()
  const host = await script
  const reports: string[] = []
  const server = await listen((request, response) => {
    if (request.url === '/view') {
      response.setHeader('content-security-policy', POLICY)
      response.setHeader('content-type', 'text/html; charset=utf-8').end(html)
    } else {
      const body = `<!doctype html><title>Host</title><body><script>${host.replaceAll('</script', '<\\/script')}</script>`
      response.setHeader('content-type', 'text/html; charset=utf-8').end(body)
    }
  })
  const { port } = server

  const context = await browser.newContext({ viewport: { width: 900, height: 700 }, ...options })
  const page = await context.newPage()
  page.on('console', (message) => {
    // The frame is of another origin, so it cannot escape as this warning fears.
    const isAboutSandbox = /allow-scripts and allow-same-origin/.test(message.text())
    if (/^(error|warning)$/.test(message.type()) && !isAboutSandbox) reports.push(message.text())
  })
  page.on('pageerror', (error) => reports.push(error.message))
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  const calls: { name: string; arguments: Record<string, unknown> }[] = []
  let refuses = false
  await page.exposeFunction('callTool', async (params: (typeof calls)[number]) => {
    calls.push(params)
    if (refuses) throw new Error('The person did not allow it')
    return relay.call(params.name, params.arguments)
  })
  await page.goto(`http://127.0.0.1:${port}/`)
  const own = new Set([`http://127.0.0.1:${port}/`, `http://localhost:${port}/view`])

  return {
    page,
    /** The browser's complaints about host or view. */
    reports,
    /** Tool calls of all views. */
    calls,
    /** Requests to anything but the two documents. */
    strangers: () => asked.filter((url) => !own.has(url) && !url.endsWith('/favicon.ico')),
    /** Refuses tool calls from now on, as a person may. */
    refuse() {
      refuses = true
    },
    /** Opens a view; returns its frame, the requests the host saw, and its number. */
    async open(view: ViewOptions) {
      // Another name for this machine is another origin.
      const options = { src: `http://localhost:${port}/view`, capabilities: {}, ...view }
      const index = await page.evaluate((given) => {
        const { open } = globalThis as unknown as { open: (given: object) => Promise<number> }
        return open(given)
      }, options)
      const frame = page.frameLocator('iframe').nth(index)
      const ask = <Result>(what: string): Promise<Result> =>
        page.evaluate(`window.view(${index}).${what}`) as Promise<Result>
      return { frame, ask, index }
    },
    async [Symbol.asyncDispose]() {
      await context.close()
      await server[Symbol.asyncDispose]()
    },
  }
}
