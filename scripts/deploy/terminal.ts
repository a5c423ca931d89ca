/**
 * Talks with the person: prompts and spinners in a terminal, plain lines without one. A question takes
 * its answer from its environment variable if that is set. Without a terminal, the variable is required.
 */
import * as clack from '@clack/prompts'
import { INTERRUPTED } from '../lib/command.ts'
import { UserError } from '../lib/user-error.ts'

/** Whether there is a person to ask. */
export const hasPerson = Boolean(process.stdin.isTTY && process.stdout.isTTY)

let stopSpinner: (() => void) | undefined

export interface Question {
  /** The environment variable that answers it. */
  variable: string
  message: string
  /** Hides the answer while it is typed. */
  isSecret?: boolean
  /** The value of an empty answer. */
  byDefault?: string
  /** Describes the effect of an empty answer, if that is allowed and has no value. */
  ifEmpty?: string
  /** Checks the shape of an answer; returns a sentence if it is wrong. */
  faultOf?: (answer: string) => string | undefined
  /** Tests an answer against the service it is for; returns a sentence if it fails. */
  faultOnTrial?: (answer: string) => Promise<string | undefined>
}

export interface Choice<T> {
  value: T
  label: string
  hint?: string
}

/** Starts the conversation. Prints `howToContinue` if it is interrupted. Call the result at the end. */
export function begin(
  title: string,
  howToContinue: string | (() => string),
): (lastWords: string) => void {
  let isOver = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => process.exit(INTERRUPTED))
  }
  process.on('exit', (code) => {
    if (isOver || (code !== 0 && code !== INTERRUPTED)) return
    // A spinner ends the process by itself at Ctrl-C, with 0, and would print the last line.
    process.exitCode = INTERRUPTED
    stopSpinner?.()
    const how = typeof howToContinue === 'string' ? howToContinue : howToContinue()
    console.log(`\nStopped. ${how}`)
  })
  if (hasPerson) clack.intro(title)
  else console.log(title)
  return (lastWords) => {
    isOver = true
    if (hasPerson) clack.outro(lastWords)
    else console.log(lastWords)
  }
}

/** Prints a heading: the next step and its purpose. */
export function announce(title: string, does: string): void {
  if (hasPerson) clack.log.step(`${title}\n${does}`)
  else console.log(`\n${title}: ${does}`)
}

export function say(text: string): void {
  if (hasPerson) clack.log.info(text)
  else console.log(text)
}

export function warn(text: string): void {
  if (hasPerson) clack.log.warn(text)
  else console.log(text)
}

/** Prints something to copy, without a frame that would be copied too. */
export function show(text: string): void {
  console.log(`\n${text}\n`)
}

/**
 * Shows a key, called `name` in the sentence, to a person at a terminal. Elsewhere it says only where
 * the key is kept: a pipe may end in a log that others can read.
 */
export function showKey(name: string, key: string, keptIn: string): void {
  if (process.stdout.isTTY) {
    say(`${name}, also saved in ${keptIn}:`)
    show(key)
  } else {
    say(`${name} is saved in ${keptIn}.`)
  }
}

/** Resolves with an answer that passed its checks; it is empty only if that is allowed. */
export async function ask(question: Question): Promise<string> {
  const { variable, byDefault, ifEmpty, faultOnTrial = async () => undefined } = question
  const given = cleanPasted(process.env[variable] ?? '', variable)
  if (given || !hasPerson) {
    const answer = given || byDefault
    if (!answer && ifEmpty !== undefined) return ''
    if (!answer) throw new UserError(`There is no terminal to ask in, so ${variable} must be set.`)
    const fault = faultOfAnswer(question, answer) ?? (await faultOnTrial(answer))
    if (fault) throw new UserError(`${variable}: ${fault}`)
    if (given) say(`Using ${variable} from the environment.`)
    return answer
  }
  for (;;) {
    const answer = await prompt(question)
    const fault = answer && (await faultOnTrial(answer))
    if (!fault) return answer
    warn(fault)
  }
}

/**
 * Removes the wrapping of a copied value: `DATABASE_URL=`, in a file of settings also
 * under another name if a URL follows, and quotes around all of it.
 */
export function cleanPasted(answer: string, variable: string): string {
  const name = new RegExp(
    `^(?:export\\s+)?(?:${variable}\\s*=\\s*|[A-Z][A-Z0-9_]*=(?=["'“‘\`]?[a-z]+://))`,
  )
  const value = answer.trim().replace(name, '')
  const [, , inner] = QUOTED.exec(value) ?? []
  return (inner ?? value).trim()
}

const QUOTED = /^(["'`“‘])(.*)["'`”’];?$/s

async function prompt(question: Question): Promise<string> {
  const { message, variable, byDefault, ifEmpty = byDefault, isSecret } = question
  const options = {
    message: ifEmpty === undefined ? message : `${message} (Enter: ${ifEmpty})`,
    validate: (answer = '') => faultOfAnswer(question, cleanPasted(answer, variable)),
  }
  const answer = isSecret
    ? await clack.password({ ...options, clearOnError: true })
    : await clack.text({ ...options, defaultValue: byDefault ?? '' })
  return cleanPasted(unlessCancelled(answer ?? ''), variable)
}

function faultOfAnswer(question: Question, answer: string): string | undefined {
  if (answer !== '') return question.faultOf?.(answer)
  const mayBeEmpty = question.byDefault !== undefined || question.ifEmpty !== undefined
  return mayBeEmpty ? undefined : 'An answer is required.'
}

/** Asks for one of several choices, the first by default. Without a terminal, `otherwise` decides. */
export async function choose<T extends string>(
  message: string,
  choices: Choice<T>[],
  otherwise: T | UserError,
): Promise<T> {
  if (hasPerson) {
    const options = choices as Parameters<typeof clack.select<T>>[0]['options']
    return unlessCancelled(await clack.select<T>({ message, options }))
  }
  if (otherwise instanceof UserError) throw otherwise
  return otherwise
}

function unlessCancelled<T>(answer: T | typeof clack.CANCEL_SYMBOL): T {
  if (clack.isCancel(answer)) process.exit(INTERRUPTED)
  return answer as T
}

/**
 * Runs `work` and shows `doing` meanwhile. `work` can report its progress through its argument, and
 * `done` describes the result.
 */
export async function during<T>(
  doing: string,
  work: (more: (text: string) => void) => Promise<T>,
  done?: (result: T) => string,
): Promise<T> {
  if (!hasPerson) {
    console.log(`${doing} …`)
    const result = await work(() => {})
    if (done) console.log(done(result))
    return result
  }
  const spinner = clack.spinner({ indicator: 'timer' })
  stopSpinner = () => spinner.cancel(doing)
  spinner.start(doing)
  try {
    const result = await work((text) => spinner.message(`${doing}: ${text}`))
    spinner.stop(done?.(result) ?? doing)
    return result
  } catch (error) {
    spinner.error(doing)
    throw error
  } finally {
    stopSpinner = undefined
  }
}
