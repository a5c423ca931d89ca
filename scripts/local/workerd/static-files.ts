/** The static files in dist/, which are built again only if one of their sources, or of themselves, has changed. */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildBoard } from '../../../board/build.mjs'
import { PROJECT } from '../../lib/project.ts'

/** The board imports from src/ too; the lock file stands for the versions of packages. */
const SOURCES = ['board', 'src', 'integrations/skills', 'icon.svg', 'package-lock.json']

/** Builds the static files of `project`, unless those of the last build, noted in `folder`, are still right. */
export async function settleStaticFiles(
  folder: string,
  project: string = PROJECT,
  build: () => Promise<void> = buildBoard,
): Promise<void> {
  const note = join(folder, 'static-files')
  // Before the build: a source that changes meanwhile counts as changed.
  const sources = await computeDigest(project, SOURCES)
  const describe = async () => `${sources} ${await computeDigest(project, ['dist'])}`
  const noted = await readFile(note, 'utf8').catch(() => undefined)
  if (noted === (await describe())) return
  await build()
  await mkdir(folder, { recursive: true })
  await writeFile(note, await describe())
}

/** Computes a digest of files in a project, and of all files in folders, with their paths. */
export async function computeDigest(project: string, names: string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const name of names) {
    for (const path of await listFiles(join(project, name))) {
      // One that another build has just removed has no content.
      hash.update(`\n${path}\n`).update(await readFile(path).catch(() => ''))
    }
  }
  return hash.digest('hex').slice(0, 32)
}

/** Lists the files in a folder and below it; of a file, itself. */
async function listFiles(path: string): Promise<string[]> {
  const found = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => undefined)
  if (!found) return [path]
  const files = found.filter((entry) => entry.isFile())
  return files.map((entry) => join(entry.parentPath, entry.name)).sort()
}
