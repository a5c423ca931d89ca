/**
 * Skills: how to use the relay well, for clients that load them (SEP-2640, io.modelcontextprotocol/skills). The
 * texts are static files, which the build of the static files lists with their digests.
 */
import { RelayError } from '../errors.ts'
import type { ToolContext } from '../tools/tool.ts'

/** For `capabilities` in both protocol eras. */
export const SKILLS_CAPABILITIES = { extensions: { 'io.modelcontextprotocol/skills': {} } }

/** An entry as skills/list shows it: `resources` are the files of the skill. */
interface Skill {
  uri: string
  frontmatter: { name: string; description: string }
  resources: { uri: string; digest: string; size: number }[]
}

/** skills/list, without the page. */
export async function listSkills({ readAsset }: ToolContext): Promise<Skill[]> {
  return JSON.parse((await readAsset?.('skills/index.json')) ?? '[]')
}

/** skills/get. Throws RelayError. */
export async function getSkill(
  { uri }: Record<string, unknown>,
  context: ToolContext,
): Promise<Record<string, unknown>> {
  const skill = (await listSkills(context)).find((each) => each.uri === uri)
  if (!skill) throw new RelayError('invalid_params', 'There is no skill of that uri.')
  return { skill }
}

/** The file of a skill; undefined for any other URI. */
export async function readSkill(
  uri: string,
  { readAsset }: ToolContext,
): Promise<string | undefined> {
  const [, name] = /^skill:\/\/([a-z-]+)\/SKILL\.md$/.exec(uri) ?? []
  return name === undefined ? undefined : await readAsset?.(`skills/${name}.md`)
}
