/** Tells faults of the machine, such as a full disk, from bugs. Leaf. */
import { dirname } from 'node:path'

const FAULTS = /^E(ACCES|DQUOT|IO|ISDIR|MFILE|NAMETOOLONG|NFILE|NOSPC|NOTDIR|PERM|ROFS)$/

/** Returns the error and its place; undefined unless it is a file system error that a person can fix. */
export function describeSystemError(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code = '', syscall, path = '', message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' && syscall === 'mkdtemp') {
    return `The temporary folder ${dirname(path)} does not exist: set TMPDIR to one that does.`
  }
  if (syscall === undefined || !FAULTS.test(code)) return undefined
  return message.includes(path) ? `${message}.` : `${message} '${path}'.`
}
