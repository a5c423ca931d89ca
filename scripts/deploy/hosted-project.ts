/**
 * Creates a Supabase project in the person's account or takes one that is there, waits until it is
 * healthy, and reads its secret key. Each answer is saved, so an interrupted run resumes here.
 */
import { makeKey } from '../lib/data-directory.ts'
import { UserError } from '../lib/user-error.ts'
import { type Draft, KEPT_IN } from './deployment.ts'
import { ProjectDownError, waitUntilHealthy } from './health.ts'
import { type HostedProject, type Management, ManagementError } from './management.ts'
import { listRegionsNearby } from './regions.ts'
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
  if (deployment.draft) return 'new'
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
  const { draft } = setup.deployment
  // An interruption may have come after Supabase created it, and before its ref was saved.
  const made = draft && projects.find((one) => isSameName(one, draft))
  if (made) {
    say(`The project ${made.name} was created before the interruption.`)
    return remember(setup, { project: made.ref, draft: undefined })
  }
  if (draft) return createProject(setup, account, draft)
  const found = way === 'existing' ? await pickProject(projects) : undefined
  if (found) return remember(setup, { project: found.ref })
  return createProject(setup, account, await draftProject(account, projects))
}

const isSameName = (one: HostedProject, { name, organization }: Omit<Draft, 'region'>) =>
  one.name === name && one.organization_slug === organization

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
    projects.map((one) => ({
      value: one.ref,
      label: nameAmong(projects, one),
      hint: describe(one),
    })),
    new UserError(`You have several projects: set ${BY_NAME}.`),
  )
  return projects.find((one) => one.ref === ref)
}

/** The name of a project, with its ref if others have the same name. */
function nameAmong(projects: HostedProject[], { name, ref }: HostedProject): string {
  return projects.filter((one) => one.name === name).length > 1 ? `${name} (${ref})` : name
}

function describe({ organization_slug, region, status, created_at }: HostedProject): string {
  const isPaused = status === 'INACTIVE' ? ', paused' : ''
  return `${region}, ${organization_slug}, since ${created_at.slice(0, 10)}${isPaused}`
}

async function draftProject(account: Management, projects: HostedProject[]): Promise<Draft> {
  const organization = await chooseOrganization(account)
  const name = await ask({
    variable: BY_NAME,
    message: 'Name of the project',
    byDefault: NAME,
    faultOf: (answer) => {
      if (/^-|[\p{Cc}]/u.test(answer) || answer.length > 256) {
        return 'A name has at most 256 characters, no control characters, and no dash at its start.'
      }
      return projects.some((one) => isSameName(one, { name: answer, organization }))
        ? `The organization ${organization} already has a project ${answer}: enter another name, or run this again and choose it from the list.`
        : undefined
    },
  })
  return { organization, name, region: await chooseRegion() }
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
  const regions = listRegionsNearby()
  const given = process.env.SUPABASE_REGION?.trim()
  const ids = regions.map(({ id }) => id)
  if (given && !ids.includes(given)) {
    throw new UserError(
      `Supabase has no region ${given}: set SUPABASE_REGION to one of ${ids.join(', ')}.`,
    )
  }
  if (given) return given
  return choose(
    'In which region? The nearest come first, by the time zone of this machine',
    regions.map(({ id, name }) => ({ value: id, label: name, hint: id })),
    new UserError(`There is no project to use, and to create one, SUPABASE_REGION must be set.`),
  )
}

async function createProject(setup: Setup, account: Management, draft: Draft): Promise<void> {
  const password = choosePassword(setup)
  remember(setup, { draft, SUPABASE_DB_PASSWORD: password })
  const { name, organization, region } = draft
  try {
    const ref = await during(
      `Creating the project ${name} in ${region}`,
      () => account.createProject(draft, password),
      (made) => `Created the project ${name}: https://supabase.com/dashboard/project/${made}`,
    )
    remember(setup, { project: ref, draft: undefined })
    say(`The password of its database is saved in ${KEPT_IN}. The relay does not use it.`)
  } catch (error) {
    // Only after a refusal is it certain that nothing was created, and are the questions asked again.
    if (!(error instanceof ManagementError) || error.kind !== 'refused') throw error
    remember(setup, { draft: undefined })
    throw new UserError(explainCreation(error.message, { organization, region }))
  }
}

/** Says why Supabase did not create a project. */
export function explainCreation(
  message: string,
  { organization, region }: Omit<Draft, 'name'>,
): string {
  if (/limit|free project|quota|upgrade/i.test(message)) {
    return (
      `The organization ${organization} has no free project left: pause or delete one at ` +
      `https://supabase.com/dashboard/org/${organization}, or choose another organization. (${message})`
    )
  }
  if (/region/i.test(message)) {
    return `The organization ${organization} may not use the region ${region}: choose another. (${message})`
  }
  if (/organi[sz]ation|forbidden|permission|not allowed/i.test(message)) {
    return `You may not create projects in the organization ${organization}: choose another, or ask its owner. (${message})`
  }
  return message
}

/** Takes the password of an interrupted run or of the environment, or generates one. */
function choosePassword({ deployment }: Setup): string {
  return process.env.SUPABASE_DB_PASSWORD || deployment.SUPABASE_DB_PASSWORD || makeKey()
}
