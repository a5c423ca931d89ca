/** Checks what only Cloudflare knows about a deployed relay, using wrangler's login. */
import { hasPreviewUrls } from '../deploy/cloudflare.ts'
import { readDeployment } from '../deploy/deployment.ts'
import { UserError } from '../lib/user-error.ts'
import { type Check, failed, ok, unknown } from './check.ts'
import { thenDeploy } from './fixes.ts'

const previewUrls: Check = {
  id: 'preview-urls',
  needs: ['relay'],
  writes: false,
  why: 'With preview URLs, every earlier version stays reachable with its old secrets, so a leaked key still works there after a rotation.',
  async look(subject) {
    const { url, isLocal } = subject
    if (isLocal) return ok('not used by npm start')
    const { account, worker, url: known } = readDeployment()
    if (!account || !worker || known !== url.origin) {
      return unknown('Not checked: this relay was not deployed from this folder.')
    }
    try {
      if (!(await hasPreviewUrls({ account, worker }))) return ok('disabled')
    } catch (error) {
      if (error instanceof UserError) return unknown(`Not checked: ${error.message}`)
      throw error
    }
    return failed(
      `Earlier versions of the Worker ${worker} have public URLs.`,
      `Set preview_urls = false in wrangler.toml, ${thenDeploy(subject)}`,
      'After a leak, npm run rotate -- --leaked also disables them.',
    )
  },
}

export const deploymentChecks = [previewUrls]
