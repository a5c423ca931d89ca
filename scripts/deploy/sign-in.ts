/** Opens the person's account at Supabase with an access token, which is asked for once and not saved. */
import {
  faultOfAccessToken,
  type Management,
  ManagementError,
  openManagement,
  TOKENS,
} from './management.ts'
import type { Setup } from './steps.ts'
import { ask, during } from './terminal.ts'

/** Returns the account of the person. Asks once per run. */
export async function signIn(setup: Setup): Promise<Management> {
  if (setup.account) return setup.account
  const token = await ask({
    variable: 'SUPABASE_ACCESS_TOKEN',
    message: `Access token of your Supabase account. Create one at ${TOKENS}`,
    isSecret: true,
    faultOf: faultOfAccessToken,
    faultOnTrial: (given) =>
      during(
        'Signing in to Supabase',
        () => faultOfToken(openManagement(given)),
        (fault) => (fault ? 'Not signed in to Supabase' : 'Signed in to Supabase'),
      ),
  })
  setup.account = openManagement(token)
  return setup.account
}

async function faultOfToken(account: Management): Promise<string | undefined> {
  try {
    await account.listOrganizations()
    return undefined
  } catch (error) {
    if (error instanceof ManagementError && error.kind === 'token') return error.message
    throw error
  }
}
