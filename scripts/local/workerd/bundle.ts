/**
 * Bundles the Worker exactly as a deployment would upload it: `wrangler deploy --dry-run` writes that
 * request, with the bundled module and the settings of wrangler.toml. This takes 2 s, so the result is
 * cached in .wrangler until one of its sources changes.
 */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PROJECT } from '../../lib/project.ts'
import { UserError } from '../../lib/user-error.ts'
import { runWrangler } from '../../lib/wrangler.ts'
import { computeDigest, settleStaticFiles } from './static-files.ts'

const KEPT = join(PROJECT, '.wrangler', 'relay')

export interface Bundle {
  source: string
  compatibilityDate: string
  compatibilityFlags: string[]
  rateLimits: RateLimit[]
}

/** A rate-limiting binding of wrangler.toml. */
export interface RateLimit {
  name: string
  simple: { limit: number; period: number }
}

/** Bundles the relay; `folder` has the cache. */
export async function bundleWorker(folder = KEPT): Promise<Bundle> {
  const worker = await computeDigest(PROJECT, ['src', 'wrangler.toml', 'package-lock.json'])
  await settleStaticFiles(folder)
  const path = join(folder, `${worker}.upload`)
  // A power cut may have left it empty.
  const kept = await readFile(path)
    .then(parseUpload)
    .catch(() => undefined)
  return kept ?? parseUpload(await buildRelay(folder, path))
}

/** Bundles a Worker other than the relay, with the settings of wrangler.toml, into the file `path`. */
export async function bundleOther(main: string, path: string): Promise<Bundle> {
  await build(path, [main])
  return parseUpload(await readFile(path))
}

async function buildRelay(folder: string, path: string): Promise<Buffer> {
  await mkdir(folder, { recursive: true })
  const draft = `${path}.${process.pid}`
  await build(draft)
  await rename(draft, path)
  for (const name of await readdir(folder)) {
    const other = join(folder, name)
    if (name.endsWith('.upload') && other !== path) await rm(other, { force: true })
  }
  return readFile(path)
}

async function build(path: string, args: string[] = []): Promise<void> {
  const built = await runWrangler(['deploy', ...args, '--dry-run', '--outfile', path])
  if (!built.ok) throw new UserError(`The Worker cannot be bundled:\n${built.said}`)
}

/** A binding in an upload; `text` is the value of a secret. */
interface Binding {
  name: string
  type: string
  text?: string
}

interface Upload extends Bundle {
  bindings: Binding[]
  /** Names the session in which static assets were uploaded before. */
  assets: { jwt: string } | undefined
}

/** Parses an upload: the request with which wrangler deploys a Worker. */
export async function parseUpload(upload: Buffer): Promise<Upload> {
  const boundary = upload.subarray(2, upload.indexOf('\r\n')).toString()
  const type = `multipart/form-data; boundary=${boundary}`
  const form = await new Response(upload, { headers: { 'content-type': type } }).formData()
  const metadata = JSON.parse(form.get('metadata') as string)
  return {
    source: await (form.get(metadata.main_module) as File).text(),
    compatibilityDate: metadata.compatibility_date,
    compatibilityFlags: metadata.compatibility_flags ?? [],
    rateLimits: metadata.bindings.filter(({ type }: Binding) => type === 'ratelimit'),
    bindings: metadata.bindings,
    assets: metadata.assets,
  }
}
