/**
 * Creates a Supabase project in the person's account or takes one that is there, waits until it is
 * healthy, and reads its secret key. Each answer is saved, so an interrupted run resumes here.
 */
import { makeKey } from '../lib/data-directory.ts'
import { UserError } from '../lib/user-error.ts'
import { KEPT_IN } from './deployment.ts'
import { ProjectDownError, waitUntilHealthy } from './health.ts'
import type { HostedProject, Management } from './management.ts'
import { REGIONS } from './regions.ts'
import { signIn } from './sign-in.ts'
import { known, remember, type Setup } from './steps.ts'
import { ask, choose, during, hasPerson, say } from './terminal.ts'

/** How the project and its key are found. */
type Way = 'new' | 'existing' | 'by-hand'

const NAME = 'relay-mcp'
const BY_NAME = 'SUPABASE_PROJECT'

/** Settles the URL and the secret key through the person's account; false if they enter both by hand. */
export async function takeHostedProject(setup: Setup): Promise<boolean> {
  const way = await chooseWay(setup)
  if (way === 'by-hand') return false
  const account = await signIn(setup)
  if (!setup.deployment.project) await settleProject(setup, account, way)
  const ref = known(setup, 'project')
  try {
    await during(
      `Waiting for the project ${ref}`,
      (more) => waitUntilHealthy(account, ref, more),
      () => `The project ${ref} is healthy`,
    )
  } catch (error) {
    // Asks again next time. A project that is only paused keeps its ref, which later steps need; without a
    // relay in it, another project may be meant.
    const isInUse = setup.deployment.SUPABASE_URL !== undefined
    if (error instanceof ProjectDownError && (error.isGone || !isInUse)) {
      remember(setup, { project: undefined })
    }
    throw error
  }
  const key = await during('Reading its secret key', () => account.readSecretKey(ref))
  remember(setup, { SUPABASE_URL: `https://${ref}.supabase.co`, SUPABASE_SERVICE_KEY: key })
  say(`The project's URL and secret key are saved in ${KEPT_IN}, which only you can read.`)
  return true
}

async function chooseWay({ deployment }: Setup): Promise<Way> {
  const { SUPABASE_URL, SUPABASE_SERVICE_KEY, SUPABASE_ACCESS_TOKEN } = process.env
  if (SUPABASE_URL || SUPABASE_SERVICE_KEY) return 'by-hand'
  if (deployment.project) return 'existing'
  return choose<Way>(
    'Which Supabase project does the relay use?',
    [
      { value: 'new', label: 'A new one, created for you', hint: 'with an access token' },
      { value: 'existing', label: 'One of yours, from a list', hint: 'with an access token' },
      { value: 'by-hand', label: 'I enter its URL and secret key' },
    ],
    SUPABASE_ACCESS_TOKEN ? 'existing' : 'by-hand',
  )
}

/** Chooses a project from the list or creates one. Without a terminal, its name decides which. */
async function settleProject(setup: Setup, account: Management, way: Way): Promise<void> {
  const projects = await during('Listing your projects', () => account.listProjects())
  const found = way === 'existing' ? await pickProject(projects) : undefined
  const project = found?.ref ?? (await createProject(setup, account, projects))
  remember(setup, { project })
}

/** Without a terminal, undefined means that no project has the name, so that it can be created. */
async function pickProject(projects: HostedProject[]): Promise<HostedProject | undefined> {
  const given = process.env[BY_NAME]?.trim() ?? (hasPerson ? undefined : NAME)
  if (given) {
    const found = projects.filter(({ ref, name }) => ref === given || name === given)
    const [only, ...others] = found
    if (others.length > 0) {
      const refs = found.map(({ ref, region }) => `${ref} (${region})`).join(', ')
      throw new UserError(
        `You have ${found.length} projects named ${given}: set ${BY_NAME} to one of ${refs}.`,
      )
    }
    // A ref is never the name of a project to create.
    if (only || (!hasPerson && !/^[a-z]{20}$/.test(given))) return only
    throw new UserError(`Your account has no project ${given}: correct ${BY_NAME}.`)
  }
  if (projects.length === 0) {
    say('Your account has no project yet: creating one.')
    return undefined
  }
  const ref = await choose(
    'Which of your projects?',
    projects.map(({ ref, name, organization_slug, region, status }) => ({
      value: ref,
      label: `${name} (${ref})`,
      hint: `${region}, ${organization_slug}${status === 'INACTIVE' ? ', paused' : ''}`,
    })),
    new UserError(`You have several projects: set ${BY_NAME}.`),
  )
  return projects.find((one) => one.ref === ref)
}

/** Creates a project from the person's answers, and returns its ref. */
async function createProject(
  setup: Setup,
  account: Management,
  projects: HostedProject[],
): Promise<string> {
  const organization = await chooseOrganization(account)
  const name = await ask({
    variable: BY_NAME,
    message: 'Name of the project',
    byDefault: NAME,
    // Also keeps an interrupted run from creating it twice.
    faultOf: (answer) =>
      projects.some((one) => one.name === answer && one.organization_slug === organization)
        ? `The organization ${organization} already has a project ${answer}: enter another name, or run this again and choose it from the list.`
        : undefined,
  })
  const region = await chooseRegion()
  const { SUPABASE_DB_PASSWORD: given } = process.env
  const password = given || setup.deployment.SUPABASE_DB_PASSWORD || makeKey()
  remember(setup, { SUPABASE_DB_PASSWORD: password })
  const ref = await during(
    `Creating the project ${name} in ${region}`,
    () => account.createProject({ name, organization, region }, password),
    (made) => `Created the project ${name}: https://supabase.com/dashboard/project/${made}`,
  )
  say(`The password of its database is saved in ${KEPT_IN}. The relay does not use it.`)
  return ref
}

async function chooseOrganization(account: Management): Promise<string> {
  const all = await account.listOrganizations()
  const given = process.env.SUPABASE_ORGANIZATION?.trim()
  const [first, ...others] = all
  if (!first) {
    throw new UserError(
      'Your account has no organization yet: create one at https://supabase.com/dashboard/new.',
    )
  }
  const names = all.map(({ slug, name }) => `${slug} (${name})`).join(', ')
  if (given) {
    const found = all.find(({ slug, name }) => slug === given || name === given)
    if (found) return found.slug
    throw new UserError(
      `You are not a member of ${given}: set SUPABASE_ORGANIZATION to one of ${names}.`,
    )
  }
  if (others.length === 0) return first.slug
  return choose(
    'In which of your organizations?',
    all.map(({ slug, name }) => ({ value: slug, label: name, hint: slug })),
    new UserError(`You have several organizations: set SUPABASE_ORGANIZATION to one of ${names}.`),
  )
}

async function chooseRegion(): Promise<string> {
  const given = process.env.SUPABASE_REGION?.trim()
  if (given && !(given in REGIONS)) {
    const ids = Object.keys(REGIONS).join(', ')
    throw new UserError(`Supabase has no region ${given}: set SUPABASE_REGION to one of ${ids}.`)
  }
  if (given) return given
  return choose(
    'In which region?',
    Object.entries(REGIONS).map(([id, name]) => ({ value: id, label: name, hint: id })),
    new UserError('There is no project to use, and to create one, SUPABASE_REGION must be set.'),
  )
}
