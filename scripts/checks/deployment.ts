/** What only Cloudflare knows of a deployed relay, asked with wrangler's login. */
import { hasPreviewUrls } from '../deploy/cloudflare.ts'
import { readDeployment } from '../deploy/deployment.ts'
import { UserError } from '../lib/user-error.ts'
import { type Check, failed, ok, unknown } from './check.ts'

const previewUrls: Check = {
  id: 'preview-urls',
  needs: ['relay'],
  writes: false,
  why: 'With preview URLs every earlier version stays reachable with the secrets it had: a leaked key works there after its rotation.',
  async look({ url, isLocal }) {
    if (isLocal) return ok('none at home')
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
      'npx wrangler deploy, with preview_urls = false in wrangler.toml.',
      'After a leak, npm run rotate -- --leaked disables them too.',
    )
  },
}

export const deploymentChecks = [previewUrls]
