/** `npm run rotate`: replaces the key of a relay, deployed or at home. */
import { existsSync } from 'node:fs'
import { readDeployedKeys } from '../deploy/deployed-keys.ts'
import { readDeployment } from '../deploy/deployment.ts'
import { rotate } from '../deploy/rotation.ts'
import { announce, begin } from '../deploy/terminal.ts'
import { defineCommand } from '../lib/command.ts'
import { keptPath } from '../lib/data-directory.ts'
import { PROJECT } from '../lib/project.ts'
import { findDataDirectory } from '../lib/settings.ts'
import { UsageError } from '../lib/user-error.ts'
import { readHomeKeys } from '../local/home-keys.ts'

const HELP = `
npm run rotate -- [--leaked | --finish] [--home | --deployed]

Replaces the key of the relay. The old key is accepted too until the rotation is finished, so that you can
change your clients one by one. If it is interrupted, run it again to resume with the same new key.

  --leaked     the old key leaked: it stops working now
  --finish     every client has the new key: the old key stops working
  --home       rotate the key of npm start on this machine
  --deployed   rotate the key of the relay on Cloudflare

Without --home or --deployed, rotates the key of the relay that npm run setup deployed from this folder, or
else that of npm start, or else that of a relay that was deployed elsewhere. With --deployed, asks for the
details of such a relay, or reads RELAY_URL, RELAY_WORKER, RELAY_API_KEY and CLOUDFLARE_ACCOUNT_ID.
`

const CONTINUE =
  'Run "npm run rotate" again to continue. What was entered and made so far is saved.'

export const command = defineCommand({
  help: HELP,
  options: {
    leaked: { type: 'boolean' },
    finish: { type: 'boolean' },
    home: { type: 'boolean' },
    deployed: { type: 'boolean' },
  },
  async run(options) {
    if (options.leaked && options.finish) {
      throw new UsageError('--leaked and --finish cannot be combined.')
    }
    if (options.home && options.deployed) {
      throw new UsageError('--home and --deployed cannot be combined.')
    }
    const end = begin('relay-mcp: key rotation', CONTINUE)
    const isHome = isForHome(options)
    const keys = isHome ? readHomeKeys() : await readDeployedKeys()
    if (isHome)
      announce('npm start', `Changes the key in ${keys.place}. A running relay picks it up.`)
    end(await rotate(keys, options))
    return undefined
  },
})

/** Takes the relay from the options or from the saved settings. */
function isForHome({ home, deployed }: { home?: boolean; deployed?: boolean }): boolean {
  if (home || deployed) return Boolean(home)
  if (readDeployment().worker || process.env.RELAY_URL) return false
  return existsSync(keptPath(findDataDirectory(PROJECT)))
}
