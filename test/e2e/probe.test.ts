import { test } from 'vitest'
import { readdirSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClaude, whyNotInstalled } from '../support/claude-client.ts'
import { startModel, say, use } from '../support/model.ts'
import { createTestRelay } from '../support/relay.ts'
test('probe', async () => {
  console.log(whyNotInstalled)
  await using relay = await createTestRelay()
  await using model = await startModel()
  const t0=Date.now()
  using claude = await createClaude({ model, plugin: relay })
  console.log('installed plugin', Date.now()-t0)
  await relay.call('relay_post_message', { thread_name: 'billing', surface: 'code', content: 'Welcome.' })
  model.script = ({latest,body}) => {
    console.log('LATEST', latest.slice(0,300)+' … '+latest.slice(-2500))
    console.log('TOOLS', body.tools.map((t: any)=>t.name+(t.defer_loading?'*':'')).join(' '))
    if (/watch.md|Watch the relay/.test(latest)) return say('Watching.')
    if (/catch up with the relay/i.test(latest)) return use('mcp__plugin_relay_relay__relay_check_new',{reader_tag:'x'})
    if (/NOTIFICATION/.test(latest)) return use('mcp__plugin_relay_relay__relay_check_new',{reader_tag:/reader_tag (?:&quot;|")([^"&]*)/.exec(latest)?.[1] ?? 'none'})
    return say('I said: '+latest.slice(-400))
  }
  console.log(await claude.ask('/relay:catch-up'))
  console.log('-------- interactive', Date.now()-t0)
  using s = claude.open()
  await s.sees('❯')
  await sleep(1500)
  await s.types('/relay:watch')
  await sleep(6000)
  await relay.call('relay_post_message', { thread_name: 'billing', surface: 'chat', content: 'Phone answered.' })
  await sleep(9000)
  console.log(s.printed.slice(-3500))
  console.log(execFileSync('ps',['-ef']).toString().split('\n').filter(l=>/watch/.test(l)).join('\n'))
  console.log(readdirSync(claude.home+'/.claude/plugins/data', {recursive:true}))
}, 120000)
