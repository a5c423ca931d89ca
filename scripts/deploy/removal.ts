/** Removes a deployed relay: deletes its Worker, and names the data that stays at Supabase. */
import { UserError } from '../lib/user-error.ts'
import { deleteWorker, listSecrets } from './cloudflare.ts'
import { readDeployment, setAside } from './deployment.ts'
import { known, type Setup } from './steps.ts'
import { projectRef } from './supabase.ts'
import { announce, ask, begin, during, say } from './terminal.ts'
import { chooseAccount } from './which-relay.ts'

/** Deletes the Worker known in this folder, after its name was typed. */
export async function removeDeployment(): Promise<void> {
  const setup: Setup = { takesOver: false, deployment: readDeployment() }
  const { worker, url, SUPABASE_URL } = setup.deployment
  if (!worker) {
    throw new UserError('No relay was set up from this folder, so there is nothing to remove.')
  }
  let isDeleting = false
  const end = begin('relay-mcp: removal', () =>
    isDeleting
      ? 'The Worker may be deleted already. Run "npm run setup -- --remove" again.'
      : 'Nothing was deleted.',
  )
  announce('Cloudflare', `Deletes the Worker ${worker} with its secrets.`)
  await chooseAccount(setup)
  const target = { account: known(setup, 'account'), worker }
  const exists = await during(
    `Looking for the Worker ${worker}`,
    async () => (await listSecrets(target)) !== undefined,
    (found) => (found ? `The Worker ${worker} exists` : `There is no Worker ${worker} any more`),
  )
  if (exists) {
    await ask({
      variable: 'RELAY_REMOVE',
      message: `Clients of ${url ?? worker} will stop working. Type ${worker} to delete it`,
      faultOf: (answer) => (answer === worker ? undefined : `This is not ${worker}.`),
    })
    isDeleting = true
    await during(
      `Deleting the Worker ${worker}`,
      () => deleteWorker(target),
      () => `Deleted the Worker ${worker}`,
    )
  }
  say(`Its saved data, with the key, is now in ${setAside()}.`)
  announce('Supabase', 'Keeps the project with all threads and messages.')
  const ref = SUPABASE_URL && projectRef(SUPABASE_URL)
  const page = `https://supabase.com/dashboard/project/${ref ?? '_'}`
  say(`To keep the project and delete only the relay's data, run this in ${page}/sql/new:`)
  say(DROP_RELAY)
  say(`To delete the whole project: ${page}/settings/general, "Delete project".`)
  end('The relay is removed.')
}

/** Deletes the relay's tables and functions, whatever version they have. */
export const DROP_RELAY = `drop table if exists public.relay_threads, public.relay_messages, public.relay_read_cursors, public.relay_readers, public.relay_connections, public.relay_targets, public.relay_deliveries, public.relay_schedule cascade;
drop schema if exists relay cascade;
do $$ declare f regprocedure; begin for f in select oid from pg_proc where pronamespace = 'public'::regnamespace and proname like 'relay\\_%' loop execute 'drop function ' || f || ' cascade'; end loop; end $$;`
