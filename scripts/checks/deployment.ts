/** Checks facts that only Cloudflare knows about a deployed relay, using wrangler's login. */
import { hasPreviewUrls, hasTrigger, type Target } from '../deploy/cloudflare.ts'
import { readDeployment } from '../deploy/deployment.ts'
import { explainMissingTrigger } from '../deploy/worker.ts'
import { UserError } from '../lib/user-error.ts'
import { type Check, type Finding, failed, ok, unknown, warning } from './check.ts'
import { thenDeploy } from './fixes.ts'
import { readDiagnosis, type Subject } from './subject.ts'

/** Milliseconds: several of the two minutes between two runs. */
const RECENT = 600_000

const previewUrls: Check = {
  id: 'preview-urls',
  needs: ['relay'],
  why: 'With preview URLs, every earlier version stays reachable with its old secrets, so a leaked key still works there after a rotation.',
  look: (subject) =>
    lookAtWorker(subject, async (target) => {
      if (!(await hasPreviewUrls(target))) return ok('disabled')
      return failed(
        `Earlier versions of the Worker ${target.worker} have public URLs.`,
        `Set preview_urls = false in wrangler.toml, ${thenDeploy(subject)}`,
        'After a leak, npm run rotate -- --leaked also disables them.',
      )
    }),
}

const dailyQuery: Check = {
  id: 'daily-query',
  needs: ['relay', 'database.reachable'],
  why: 'Supabase pauses a free project after seven days without a query, and failed deliveries wait for the next call.',
  async look(subject) {
    const { now, database } = await readDiagnosis(subject)
    const ago = Date.parse(now) - Date.parse(database.scheduled_run_at ?? '')
    if (ago < RECENT) return ok(`the cron trigger ran ${Math.round(Math.max(0, ago) / 1000)} s ago`)
    return lookAtWorker(subject, async (target) => {
      if (await hasTrigger(target)) return ok('a cron trigger runs it')
      const [seen, ...fix] = explainMissingTrigger(subject.origin)
      return warning(seen, ...fix)
    })
  },
}

/** Runs `look` with the Worker of this relay, and reports a refusal of Cloudflare as not checked. */
async function lookAtWorker(
  { url, isLocal }: Subject,
  look: (target: Target) => Promise<Finding>,
): Promise<Finding> {
  if (isLocal) return ok('not used by npm start')
  const { account, worker, url: known } = readDeployment()
  if (!account || !worker || known !== url.origin) {
    return unknown('Not checked: this relay was not deployed from this folder.')
  }
  try {
    return await look({ account, worker })
  } catch (error) {
    if (error instanceof UserError) return unknown(`Not checked: ${error.message}`)
    throw error
  }
}

export const deploymentChecks = [previewUrls, dailyQuery]
