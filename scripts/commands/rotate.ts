/** `npm run rotate`: gives the relay a new key, deployed or at home. */
import { existsSync } from 'node:fs'
import { readDeployment } from '../deploy/deployment.ts'
import { rotateDeployment } from '../deploy/rotation.ts'
import { chooseKind, printNextSteps } from '../deploy/rotation-kind.ts'
import { announce, begin, choose, during, say, show } from '../deploy/terminal.ts'
import { defineCommand } from '../lib/command.ts'
import { keptPath } from '../lib/data-directory.ts'
import { PROJECT } from '../lib/project.ts'
import { dataDirectoryOf } from '../lib/settings.ts'
import { UsageError } from '../lib/user-error.ts'
import { finishHome, readHomeKeys, rotateHome } from '../local/rotation.ts'

const HELP = `
npm run rotate -- [--leaked | --finish] [--home | --deployed]

Gives the relay a new key. The old one is accepted with it until the rotation is finished, so that
clients can be changed one by one. Interrupted, it continues with the same new key.

  --leaked     the old key stops working now
  --finish     every client has the new key: the old one stops working
  --home       the relay of npm start on this machine
  --deployed   the relay on Cloudflare

Without --home or --deployed it is the relay that npm run setup deployed from this folder, or else the one
of npm start. A deployed relay that is not known here is asked for, or named by RELAY_URL, RELAY_WORKER,
RELAY_API_KEY and CLOUDFLARE_ACCOUNT_ID.
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
      throw new UsageError('--leaked and --finish exclude each other.')
    }
    if (options.home && options.deployed) {
      throw new UsageError('--home and --deployed exclude each other.')
    }
    if (await isForHome(options)) await rotateHere(options)
    else await rotateDeployment(options)
    return undefined
  },
})

/** Which relay it is about: as the option says, the one that is known, or as the person chooses. */
async function isForHome({ home, deployed }: { home?: boolean; deployed?: boolean }) {
  if (home || deployed) return Boolean(home)
  if (readDeployment().worker || process.env.RELAY_URL) return false
  if (!existsSync(keptPath(dataDirectoryOf(PROJECT)))) return false
  const choices = [
    { value: 'home', label: 'The relay of npm start on this machine' },
    { value: 'deployed', label: 'A relay on Cloudflare' },
  ]
  return (await choose('Which relay gets a new key?', choices, 'home')) === 'home'
}

async function rotateHere(options: { leaked?: boolean; finish?: boolean }): Promise<void> {
  const end = begin('relay-mcp: key rotation', 'Run "npm run rotate" again.')
  const keys = readHomeKeys()
  announce('npm start', `Changes the key in ${keys.place}; a relay that runs takes it over.`)
  const kind = await chooseKind(options, keys.isUnderWay)
  if (kind === 'finish') {
    await during('Ending the old key', () => finishHome(keys))
    return end('The old key is refused.')
  }
  const key = await during('Changing the key', () => rotateHome(keys, kind))
  say(`The new key, which is kept in ${keys.place}:`)
  show(key)
  printNextSteps(kind)
  end(
    kind === 'planned'
      ? 'When every client has the new key: npm run rotate -- --finish'
      : 'The old key is refused.',
  )
}
