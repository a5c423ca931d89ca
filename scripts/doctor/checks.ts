/** The doctor's checks in their order: each after what it needs. */
import type { Check } from './check.ts'
import { clientChecks } from './clients.ts'
import { databaseChecks } from './database.ts'
import { oauthChecks } from './oauth.ts'
import { protocolChecks } from './protocol.ts'
import { endpointChecks, reachChecks } from './reach.ts'
import { keyChecks, settingChecks } from './settings.ts'

export const CHECKS: Check[] = [
  ...reachChecks,
  ...settingChecks,
  ...keyChecks,
  ...endpointChecks,
  ...protocolChecks,
  ...databaseChecks,
  ...oauthChecks,
  ...clientChecks,
]
