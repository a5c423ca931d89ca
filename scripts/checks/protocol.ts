/** Whether clients of both protocol eras get their tools, with all that stands between. */
import type { Answer } from '../lib/mcp-client.ts'
import { type Check, type Finding, failed, ok } from './check.ts'
import { deploy } from './fixes.ts'
import type { Subject } from './subject.ts'

const TOOLS = 6

const legacy: Check = {
  id: 'era.legacy',
  needs: ['key', 'endpoint'],
  writes: false,
  why: 'Clients up to 2025-11-25 begin with initialize.',
  async look(subject) {
    const { relay } = subject
    for (const protocolVersion of ['2025-11-25', '2024-11-05']) {
      const params = {
        protocolVersion,
        capabilities: {},
        clientInfo: { name: 'doctor', version: '1' },
      }
      const answer = await relay.legacy('initialize', params)
      if (answer.body.result?.protocolVersion !== protocolVersion) {
        return broken(subject, `initialize with ${protocolVersion}`, answer)
      }
    }
    return tools(subject, await relay.legacy('tools/list'))
  },
}

const modern: Check = {
  id: 'era.modern',
  needs: ['key', 'endpoint'],
  writes: false,
  why: 'Clients of 2026-07-28 begin with server/discover, and say in headers what they ask.',
  async look(subject) {
    const { relay } = subject
    const answer = await relay.modern('server/discover')
    if (!answer.body.result?.supportedVersions?.includes('2026-07-28')) {
      return broken(subject, 'server/discover', answer)
    }
    return tools(subject, await relay.modern('tools/list'))
  },
}

function tools(subject: Subject, answer: Answer): Finding {
  const { length } = answer.body.result?.tools ?? []
  return length === TOOLS ? ok(`${TOOLS} tools`) : broken(subject, 'tools/list', answer)
}

function broken(subject: Subject, request: string, { status, body }: Answer): Finding {
  const said = body.error?.message ? `: ${body.error.message}` : ''
  return failed(
    `${request} is answered with ${status}${said}`,
    'Let what stands before the relay pass MCP-Protocol-Version, Mcp-Method and Mcp-Name on.',
    `If nothing does: ${deploy(subject)}`,
  )
}

export const protocolChecks = [legacy, modern]
