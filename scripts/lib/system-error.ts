/** Turns errors of the file system into sentences: they are the machine's faults, not bugs. Leaf. */
import { dirname } from 'node:path'

const MEANINGS: Record<string, string> = {
  EACCES: 'This account has no permission',
  EDQUOT: 'The disk quota of this account is used up',
  EIO: 'The disk reports an error',
  EISDIR: 'A folder is where a file is expected',
  EMFILE: 'Too many files are open',
  ENAMETOOLONG: 'The path is too long',
  ENFILE: 'Too many files are open on this machine',
  ENOSPC: 'The disk is full',
  ENOTDIR: 'A file is where a folder is expected',
  EPERM: 'The system does not permit it',
  EROFS: 'The file system is read-only',
}

/** Returns the error and its place; undefined unless it is a file system error that a person can fix. */
export function describeSystemError(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code = '', syscall, path, dest } = error as NodeJS.ErrnoException & { dest?: string }
  if (syscall === undefined) return undefined
  if (code === 'ENOENT' && syscall === 'mkdtemp') {
    return `The temporary folder ${dirname(path ?? '')} does not exist: set TMPDIR to one that does.`
  }
  const meaning = MEANINGS[code]
  return meaning && `${meaning}: ${dest ?? path ?? syscall} (${code}).`
}
