/** Signs in to Supabase through its own program, which is fetched if this machine does not have it. */
import { INTERRUPTED } from '../lib/command.ts'
import { PROGRAM, runInteractively } from '../lib/supabase-program.ts'
import { UserError } from '../lib/user-error.ts'
import { fetchManagement, findManagement, type Management, ManagementError } from './management.ts'
import type { Setup } from './steps.ts'
import { during, hasPerson, say } from './terminal.ts'

/** Returns the account of the person, who signs in first if necessary. Asks once per run. */
export async function signIn(setup: Setup): Promise<Management> {
  setup.account ??= await openAccount()
  return setup.account
}

async function openAccount(): Promise<Management> {
  const account =
    (await during('Looking for Supabase’s program', findManagement, (found) =>
      found ? 'Supabase’s program is here' : 'Supabase’s program is not here yet',
    )) ?? (await during('Fetching it with npx, once (135 MB)', fetchManagement))
  const fault = await during(
    'Asking Supabase who is signed in',
    () => faultOfSignIn(account),
    (found) => (found ? 'Not signed in to Supabase' : 'Signed in to Supabase'),
  )
  if (!fault) return account
  // Its own sign-in would not replace a token from the environment.
  if (!hasPerson || process.env.SUPABASE_ACCESS_TOKEN) throw fault
  say(
    'Supabase’s own sign-in follows. Its page opens in the browser and shows a code to enter here. If this ' +
      'machine has no browser, open the printed address on another.',
  )
  const code = await runInteractively(account.program, ['login'])
  // Ctrl-C reached only the program, which had the terminal.
  if (code === INTERRUPTED) process.exit(INTERRUPTED)
  const again = await faultOfSignIn(account)
  if (!again) return account
  throw new UserError(
    `The sign-in to Supabase was not completed: try again, run "${PROGRAM} login" yourself, or set SUPABASE_ACCESS_TOKEN.`,
  )
}

async function faultOfSignIn(account: Management): Promise<ManagementError | undefined> {
  try {
    await account.listOrganizations()
    return undefined
  } catch (error) {
    if (error instanceof ManagementError && error.kind === 'sign-in') return error
    throw error
  }
}
