/** `npm run rotate`: replaces the key of a relay, deployed or at home. */
import { existsSync } from 'node:fs'
import { readDeployment } from '../deploy/deployment.ts'
import { rotateDeployment } from '../deploy/rotation.ts'
import { chooseKind, printNextSteps } from '../deploy/rotation-kind.ts'
import { announce, begin, during, say, showKey } from '../deploy/terminal.ts'
import { defineCommand } from '../lib/command.ts'
import { keptPath } from '../lib/data-directory.ts'
import { PROJECT } from '../lib/project.ts'
import { findDataDirectory } from '../lib/settings.ts'
import { UsageError } from '../lib/user-error.ts'
import { findHomeAddress, finishHome, readHomeKeys, rotateHome } from '../local/rotation.ts'

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
    if (isForHome(options)) await rotateHere(options)
    else await rotateDeployment(options)
    return undefined
  },
})

/** Takes the relay from the options or from the saved settings. */
function isForHome({ home, deployed }: { home?: boolean; deployed?: boolean }): boolean {
  if (home || deployed) return Boolean(home)
  if (readDeployment().worker || process.env.RELAY_URL) return false
  return existsSync(keptPath(findDataDirectory(PROJECT)))
}

async function rotateHere(options: { leaked?: boolean; finish?: boolean }): Promise<void> {
  const end = begin('relay-mcp: key rotation', 'Run "npm run rotate" again.')
  const keys = readHomeKeys()
  announce('npm start', `Changes the key in ${keys.place}. A running relay picks it up.`)
  const { interrupted } = keys
  if (interrupted) say('Resuming an interrupted rotation with the same new key.')
  const kind =
    interrupted && !options.leaked ? interrupted.kind : await chooseKind(options, keys.isInProgress)
  if (kind === 'finish') {
    await during('Removing the old key', () => finishHome(keys))
    return end('The old key is refused.')
  }
  const key = await during('Changing the key', () => rotateHome(keys, kind))
  showKey('The new key', key, keys.place)
  printNextSteps(kind, findHomeAddress(keys), key)
  end(
    kind === 'planned'
      ? 'When every client has the new key: npm run rotate -- --finish'
      : 'The old key is refused.',
  )
}
