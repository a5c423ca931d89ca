/** All checks in order: each comes after the checks it needs. */
import type { Group } from './check.ts'
import { databaseChecks } from './database.ts'
import { deploymentChecks } from './deployment.ts'
import { eventChecks, eventSmokeChecks } from './events.ts'
import { oauthChecks } from './oauth.ts'
import { protocolChecks } from './protocol.ts'
import { endpointChecks, reachChecks } from './reach.ts'
import { boardCheck, keyChecks, settingChecks } from './settings.ts'
import { toolChecks } from './tools.ts'

/** Checks that leave no trace in the threads. */
export const DOCTOR: Group[] = [
  { title: 'Address', checks: reachChecks },
  { title: 'Settings', checks: settingChecks },
  { title: 'Key', checks: keyChecks },
  { title: 'Endpoint', checks: endpointChecks },
  { title: 'Protocol', checks: protocolChecks },
  { title: 'Database', checks: databaseChecks },
  { title: 'Events', checks: eventChecks },
  { title: 'OAuth', checks: oauthChecks },
  { title: 'Board', checks: [boardCheck] },
  { title: 'Deployment', checks: deploymentChecks },
]

export const SMOKE: Group[] = [
  ...DOCTOR,
  { title: 'Tools', checks: [...toolChecks, ...eventSmokeChecks] },
]

/** The width of the longest id. */
export const WIDTH = Math.max(...SMOKE.flatMap(({ checks }) => checks).map(({ id }) => id.length))
