/** Calls of the six tools, chosen at random over few threads, readers, words and keys. */
import * as fc from 'fast-check'

/** FUZZ_SEED=<number> takes other histories than the ones that are always taken. */
export const SEED = Number(process.env.FUZZ_SEED ?? 20_260_728)

// biome-ignore lint/suspicious/noExplicitAny: each tool has arguments of its own.
export type Args = Record<string, any>

export type ToolName =
  | 'relay_list_threads'
  | 'relay_create_thread'
  | 'relay_post_message'
  | 'relay_read_thread'
  | 'relay_check_new'
  | 'relay_archive_thread'

/** A call as a counterexample shows it. */
export class Call<Name extends string = string> {
  readonly name: Name
  readonly args: Args

  constructor(name: Name, args: Args) {
    this.name = name
    this.args = args
  }

  toString(): string {
    return `\n  ${this.name} ${JSON.stringify(this.args)}`
  }
}

export const READERS = ['ann', 'bob']

const reader_tag = fc.constantFrom(...READERS)
const content = fc.constantFrom('red', 'green', 'red green')
const query = fc.constantFrom('red', 'green')
const surface = fc.constantFrom('code', 'chat')
const session_tag = fc.constantFrom('day', 'night')
const to = fc.constantFrom(...READERS, 'cat')
const idempotency_key = fc.constantFrom('k', 'l')
const seq = fc.integer({ min: 1, max: 8 })
const limit = fc.integer({ min: 1, max: 4 })
const flag = fc.boolean()

/** Calls with the arguments that are always given, and each of the others in half of them. */
function calls<Name extends string>(
  name: Name,
  given: Record<string, fc.Arbitrary<unknown>>,
  others: Record<string, fc.Arbitrary<unknown>> = {},
): fc.Arbitrary<Call<Name>> {
  const options = { requiredKeys: Object.keys(given) }
  return fc.record({ ...given, ...others }, options).map((args) => new Call(name, args))
}

function toolsOver(threads: string[]) {
  const thread_name = fc.constantFrom(...threads)
  const message = { thread_name, content, surface }
  const window = { limit, reader_tag, before_seq: seq }
  return {
    list: calls(
      'relay_list_threads',
      {},
      { include_archived: flag, reader_tag, query: fc.constantFrom('a', 'b'), limit },
    ),
    create: calls(
      'relay_create_thread',
      { name: thread_name },
      { description: fc.constantFrom('a', 'b') },
    ),
    post: calls('relay_post_message', message, { session_tag, reader_tag, to }),
    reply: calls('relay_post_message', { ...message, reader_tag, reply_to: seq }, { to }),
    postWithKey: calls(
      'relay_post_message',
      { ...message, idempotency_key },
      { reader_tag, reply_to: seq },
    ),
    read: calls('relay_read_thread', { thread_name }, window),
    catchUp: calls('relay_read_thread', { thread_name, reader_tag }, { limit }),
    find: calls('relay_read_thread', { thread_name, query }, { ...window, surface, session_tag }),
    findAnywhere: calls('relay_read_thread', { query }, { limit, surface, session_tag, to }),
    check: calls('relay_check_new', { reader_tag, thread_name }, { limit, peek: flag }),
    checkAll: calls('relay_check_new', { reader_tag }, { limit, peek: flag }),
    acknowledge: calls(
      'relay_check_new',
      { reader_tag, thread_name, ack_seq: seq },
      { limit, peek: flag },
    ),
    archive: calls('relay_archive_thread', { thread_name }, { archived: flag }),
    /** Since the time of the message at that place, in the thread or, for a check, in the one of `at`. */
    readSince: calls('relay_read_thread', { thread_name, since: seq }, { ...window, surface }),
    checkSince: calls(
      'relay_check_new',
      { reader_tag, thread_name, since: seq },
      { limit, peek: flag },
    ),
    checkAllSince: calls(
      'relay_check_new',
      { reader_tag, since: seq, at: thread_name },
      { limit, peek: flag },
    ),
    /** A person deletes one message in the SQL editor. */
    deleteByHand: calls('delete by hand', { thread_name, seq }),
  }
}

/** Of `weights`, so often each. */
function weighted<T>(weights: [number, fc.Arbitrary<T>][]): fc.Arbitrary<T> {
  return fc.oneof(...weights.map(([weight, arbitrary]) => ({ weight, arbitrary })))
}

export type Step = Call<ToolName | 'delete by hand'>

/** One of the calls that are made one after the other, over these threads. */
export function stepsOver(threads: string[]): fc.Arbitrary<Step> {
  const alone = toolsOver(threads)
  return weighted<Step>([
    [2, alone.list],
    [1, alone.create],
    [7, alone.post],
    [3, alone.reply],
    [2, alone.postWithKey],
    [1, alone.read],
    [1, alone.readSince],
    [2, alone.catchUp],
    [1, alone.find],
    [1, alone.findAnywhere],
    [3, alone.check],
    [4, alone.checkAll],
    [1, alone.checkSince],
    [1, alone.checkAllSince],
    [1, alone.acknowledge],
    [2, alone.archive],
    [2, alone.deleteByHand],
  ])
}

/** A call that may be held back just before its commit, while later ones begin. */
export class OverlappingCall extends Call<ToolName> {
  /** How many later calls begin before it may commit. */
  readonly heldFor: number

  constructor({ name, args }: Call<ToolName>, heldFor: number) {
    super(name, args)
    this.heldFor = heldFor
  }

  override toString(): string {
    const held = this.heldFor > 0 ? `, held back for ${this.heldFor}` : ''
    return `${super.toString()}${held}`
  }
}

const overlapping = toolsOver(['a', 'b'])

/** Calls of which so many in a hundred are held back. */
function held(percent: number, calls: fc.Arbitrary<Call<ToolName>>) {
  const heldFor = weighted([
    [100 - percent, fc.constant(0)],
    [percent, fc.integer({ min: 1, max: 4 })],
  ])
  return fc.tuple(calls, heldFor).map(([call, times]) => new OverlappingCall(call, times))
}

/** Calls side by side. A check that is held back makes most others of its reader wait. */
export const interleavings = fc.array(
  weighted([
    [1, held(0, overlapping.list)],
    [1, held(50, overlapping.create)],
    [6, held(65, overlapping.post)],
    [2, held(65, overlapping.reply)],
    [3, held(65, overlapping.postWithKey)],
    [1, held(20, overlapping.catchUp)],
    [1, held(0, overlapping.find)],
    [6, held(20, overlapping.check)],
    [2, held(20, overlapping.checkAll)],
    [1, held(20, overlapping.acknowledge)],
    [1, held(50, overlapping.archive)],
  ]),
  { minLength: 1, maxLength: 20, size: 'max' },
)
