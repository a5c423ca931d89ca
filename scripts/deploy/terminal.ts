/**
 * The conversation with the person: prompts and spinners in a terminal, plain lines where there is
 * none. A question is answered by its environment variable first; without a terminal, an
 * unanswered one is refused by that name.
 */
import * as clack from '@clack/prompts'
import { UserError } from '../lib/user-error.ts'

/** Whether there is a person to ask. */
export const hasPerson = Boolean(process.stdin.isTTY && process.stdout.isTTY)

/** By the convention of shells, 128 and the number of SIGINT. */
const INTERRUPTED = 130

let stopSpinner: (() => void) | undefined

export interface Question {
  /** The environment variable that answers it. */
  variable: string
  message: string
  /** Not shown as it is typed. */
  isSecret?: boolean
  /** What an empty answer stands for. */
  byDefault?: string
  /** Said to be what an empty answer means, where it stands for no value. */
  ifEmpty?: string
  /** What is wrong with an answer by its looks, in a sentence. */
  faultOf?: (answer: string) => string | undefined
  /** What is wrong with it on trial. */
  faultOnTrial?: (answer: string) => Promise<string | undefined>
}

export interface Choice<T> {
  value: T
  label: string
  hint?: string
}

/** Opens the conversation; `howToContinue` is printed if it is interrupted. Call the result at its end. */
export function begin(title: string, howToContinue: string): (lastWords: string) => void {
  let isOver = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => process.exit(INTERRUPTED))
  }
  process.on('exit', (code) => {
    if (isOver || (code !== 0 && code !== INTERRUPTED)) return
    // A spinner ends the process at Ctrl-C by itself, with 0, and would have the last word.
    process.exitCode = INTERRUPTED
    stopSpinner?.()
    console.log(`\nStopped. ${howToContinue}`)
  })
  if (hasPerson) clack.intro(title)
  else console.log(title)
  return (lastWords) => {
    isOver = true
    if (hasPerson) clack.outro(lastWords)
    else console.log(lastWords)
  }
}

/** A heading: what comes next, and what it will do. */
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

/** Shows something to copy as it is, without a frame that would be copied too. */
export function show(text: string): void {
  console.log(`\n${text}\n`)
}

/** Resolves with an answer that has passed its checks; an empty one only where that is allowed. */
export async function ask(question: Question): Promise<string> {
  const { variable, byDefault, ifEmpty, faultOnTrial = async () => undefined } = question
  const given = process.env[variable]?.trim()
  if (given || !hasPerson) {
    const answer = given || byDefault
    if (!answer && ifEmpty !== undefined) return ''
    if (!answer) throw new UserError(`There is no terminal to ask in: set ${variable}.`)
    const fault = faultOfAnswer(question, answer) ?? (await faultOnTrial(answer))
    if (fault) throw new UserError(`${variable}: ${fault}`)
    if (given) say(`${variable} is taken from the environment.`)
    return answer
  }
  for (;;) {
    const answer = await prompt(question)
    const fault = answer && (await faultOnTrial(answer))
    if (!fault) return answer
    warn(fault)
  }
}

async function prompt(question: Question): Promise<string> {
  const { message, byDefault, ifEmpty = byDefault, isSecret } = question
  const options = {
    message: ifEmpty === undefined ? message : `${message} (Enter: ${ifEmpty})`,
    validate: (answer = '') => faultOfAnswer(question, answer.trim()),
  }
  const answer = isSecret
    ? await clack.password({ ...options, clearOnError: true })
    : await clack.text({ ...options, defaultValue: byDefault ?? '' })
  return unlessCancelled(answer ?? '').trim()
}

function faultOfAnswer(question: Question, answer: string): string | undefined {
  if (answer !== '') return question.faultOf?.(answer)
  const mayBeEmpty = question.byDefault !== undefined || question.ifEmpty !== undefined
  return mayBeEmpty ? undefined : 'An answer is required.'
}

/** Resolves with one of several; the first is proposed. Without a terminal, `otherwise` decides. */
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
 * Runs `work` while saying what is being done, which `work` can say more of by what it is given;
 * `done` says what came of it.
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
