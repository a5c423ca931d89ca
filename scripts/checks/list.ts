/** All checks in order: each comes after the checks it needs. */
import type { Check } from './check.ts'
import { contextChecks } from './context.ts'
import { databaseChecks } from './database.ts'
import { deploymentChecks } from './deployment.ts'
import { oauthChecks } from './oauth.ts'
import { projectChecks } from './project.ts'
import { protocolChecks } from './protocol.ts'
import { endpointChecks, reachChecks } from './reach.ts'
import { refusalChecks } from './refusals.ts'
import { boardChecks, keyChecks, settingChecks } from './settings.ts'
import { toolChecks } from './tools.ts'

export interface Group {
  title: string
  checks: Check[]
}

const PROJECT: Group = { title: 'Supabase project', checks: projectChecks }

const ALL: Group[] = [
  { title: 'Address', checks: reachChecks },
  { title: 'Settings', checks: settingChecks },
  { title: 'Key', checks: keyChecks },
  { title: 'Endpoint', checks: endpointChecks },
  { title: 'Refusals', checks: refusalChecks },
  { title: 'Protocol', checks: protocolChecks },
  { title: 'Database', checks: databaseChecks },
  { title: 'Tools', checks: toolChecks },
  { title: 'Context', checks: contextChecks },
  { title: 'OAuth', checks: oauthChecks },
  { title: 'Board', checks: boardChecks },
  { title: 'Deployment', checks: deploymentChecks },
  PROJECT,
]

/** Checks that leave no trace in the relay. */
export const DOCTOR: Group[] = ALL.map(({ title, checks }) => ({
  title,
  checks: checks.filter(({ writes }) => !writes),
})).filter(({ checks }) => checks.length > 0)

/** All checks of the relay itself. */
export const SMOKE: Group[] = ALL.filter((group) => group !== PROJECT)

/** The checks of groups, in order. */
export const checksOf = (groups: Group[]): Check[] => groups.flatMap(({ checks }) => checks)
