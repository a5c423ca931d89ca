/** Checks the features that clients offer people directly: resources, prompts and completion, in both eras. */
import { type Check, expectThat, ok } from './check.ts'
import type { Subject } from './subject.ts'

/** A heading, which must be quoted. Sessions receive it as news. */
const TEST = '# Test message of npm run smoke: nothing to do.'

type Era = 'legacy' | 'modern'

const context: Check = {
  id: 'context',
  needs: ['era.legacy', 'era.modern', 'tool-call'],
  writes: true,
  why: 'People cannot attach a thread or use a prompt in their client.',
  async look(subject) {
    const thread_name = `${subject.scratch}-context`
    const message = { thread_name, content: TEST, surface: 'code' }
    await subject.relay.call('relay_post_message', message)
    try {
      for (const era of ['legacy', 'modern'] as const) await checkEra(subject, era, thread_name)
      const uri = `relay://threads/${thread_name}`
      const hints = (await subject.relay.modern('resources/read', { uri })).body.result
      const isPrivate = hints?.cacheScope === 'private' && hints.ttlMs === 0
      expectThat(isPrivate, 'a resource that is not cached', hints)
    } finally {
      await subject.relay.call('relay_archive_thread', { thread_name })
    }
    return ok('resources, prompts and completion')
  },
}

async function checkEra({ relay }: Subject, era: Era, name: string): Promise<void> {
  const uri = `relay://threads/${name}`
  const ask = (method: string, params?: Record<string, unknown>) => relay[era](method, params)
  const listed = (await ask('resources/list')).body.result?.resources ?? []
  const uris = listed.map((one: { uri: string }) => one.uri)
  expectThat(uris.includes(uri), `the thread among the resources (${era})`, uris)
  const read = (await ask('resources/read', { uri })).body
  const text = read.result?.contents?.[0]?.text ?? ''
  expectThat(text.includes(`\n> ${TEST}\n`), `the message, quoted (${era})`, read)
  const missing = (await ask('resources/read', { uri: `${uri}-typo` })).body
  const code = era === 'modern' ? -32602 : -32002
  expectThat(missing.error?.code === code, `${code} for an unknown resource`, missing)
  const templates = (await ask('resources/templates/list')).body.result?.resourceTemplates
  const isTemplate = templates?.[0]?.uriTemplate === 'relay://threads/{name}'
  expectThat(isTemplate, `a template for threads (${era})`, templates)
  const prompts = (await ask('prompts/list')).body.result?.prompts
  expectThat(prompts?.length > 0, `prompts (${era})`, prompts)
  const prompt = (await ask('prompts/get', { name: 'hand_off', arguments: { thread: name } })).body
  const said = prompt.result?.messages?.[0]?.content?.text ?? ''
  expectThat(said.includes(name), `the thread in the prompt hand_off (${era})`, prompt)
  const ref = { type: 'ref/prompt', name: 'catch_up' }
  const argument = { name: 'thread', value: name.slice(0, -1) }
  const { result } = (await ask('completion/complete', { ref, argument })).body
  const values = result?.completion?.values
  expectThat(values?.[0] === name, `completion of the thread name (${era})`, values)
}

export const contextChecks = [context]
