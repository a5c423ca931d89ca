/**
 * The repository has one address, `repository` in package.json, or none. An address that is not ours
 * would be someone else's to register, and they would receive the keys of everyone who deploys from it.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const { repository } = JSON.parse(readFileSync('package.json', 'utf8'))
const OURS: string | undefined = /github\.com[/:]([\w.-]+\/[\w.-]+?)(?:\.git)?$/.exec(
  typeof repository === 'string' ? repository : (repository?.url ?? ''),
)?.[1]

/** Repositories of others that are cited or used as such. */
const OTHERS = /^(supabase\/|modelcontextprotocol\/|actions\/|cloudflare\/|nodejs\/|OWNER\/|YOUR)/i

test('no repository is named as this one, except the one in package.json', () => {
  const files = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).trim().split('\n')
  const named = files
    .filter((path) => path !== 'package-lock.json' && existsSync(path))
    .flatMap((path) => repositoriesIn(readFileSync(path, 'utf8')).map((name) => `${path}: ${name}`))
  const wrong = named.filter((entry) => {
    const name = entry.split(': ')[1] as string
    return name !== OURS && !OTHERS.test(name)
  })
  expect(wrong).toEqual([])
})

/** Owner and name, wherever a tool would take a repository from. */
function repositoriesIn(text: string): string[] {
  const patterns = [
    /(?:raw\.githubusercontent|github)\.com[/:]([\w.-]+\/[\w.-]+)/g,
    /io\.github\.([\w-]+\/[\w.-]+)/g,
    /marketplace add ([\w-]+\/[\w.-]+)/g,
  ]
  return patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, name]) => name as string),
  )
}
