/** Checks whether clients of both protocol eras get their tools through every proxy on the way. */
import { type Answer, CLIENT_INFO } from '../lib/mcp-client.ts'
import { type Check, type Finding, failed, ok } from './check.ts'
import { deploy } from './fixes.ts'
import type { Subject } from './subject.ts'

const TOOLS = 6

const legacy: Check = {
  id: 'era.legacy',
  needs: ['key', 'endpoint'],
  why: 'Clients up to 2025-11-25 begin with initialize.',
  async look(subject) {
    const { relay } = subject
    for (const protocolVersion of ['2025-11-25', '2024-11-05']) {
      const params = {
        protocolVersion,
        capabilities: {},
        clientInfo: CLIENT_INFO,
      }
      const answer = await relay.legacy('initialize', params)
      if (answer.body.result?.protocolVersion !== protocolVersion) {
        return reportBroken(subject, `initialize with ${protocolVersion}`, answer)
      }
    }
    return countTools(subject, await relay.legacy('tools/list'))
  },
}

const modern: Check = {
  id: 'era.modern',
  needs: ['key', 'endpoint'],
  why: 'Clients that speak 2026-07-28 begin with server/discover and repeat each request in headers.',
  async look(subject) {
    const { relay } = subject
    const answer = await relay.modern('server/discover')
    if (!answer.body.result?.supportedVersions?.includes('2026-07-28')) {
      return reportBroken(subject, 'server/discover', answer)
    }
    return countTools(subject, await relay.modern('tools/list'))
  },
}

function countTools(subject: Subject, answer: Answer): Finding {
  const { length } = answer.body.result?.tools ?? []
  return length === TOOLS ? ok(`${TOOLS} tools`) : reportBroken(subject, 'tools/list', answer)
}

function reportBroken(subject: Subject, request: string, { status, body }: Answer): Finding {
  const said = body.error?.message ? `: ${body.error.message}` : ''
  return failed(
    `${request} returned ${status}${said}`,
    'Let any proxy in front of the relay forward MCP-Protocol-Version, Mcp-Method and Mcp-Name.',
    `If there is no proxy: ${deploy(subject)}`,
  )
}

export const protocolChecks = [legacy, modern]
