/** The static files are built when a source has changed, and not at every start. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { settleStaticFiles } from '../../../scripts/local/workerd/static-files.ts'

test('they are built once, and again after any change of a source or of themselves', async () => {
  const project = mkdtempSync(join(tmpdir(), 'relay-static-'))
  try {
    const write = (name: string, text: string) => writeFileSync(join(project, name), text)
    for (const folder of ['board/view', 'src', 'dist/board']) {
      mkdirSync(join(project, folder), { recursive: true })
    }
    write('board/view/a.tsx', 'one')
    write('src/b.ts', 'one')
    let builds = 0
    const settle = async () => {
      builds = 0
      await settleStaticFiles(join(project, 'notes'), project, async () => {
        builds += 1
        write('dist/board/a.js', 'built')
      })
      return builds
    }
    expect([await settle(), await settle()]).toEqual([1, 0])
    const changes: (() => void)[] = [
      () => write('board/view/a.tsx', 'two'),
      () => write('board/view/new.tsx', ''),
      () => rmSync(join(project, 'board/view/new.tsx')),
      () => write('src/b.ts', 'two'),
      () => write('package-lock.json', '{}'),
      () => write('icon.svg', '<svg/>'),
      // As a power cut may leave it.
      () => write('dist/board/a.js', ''),
      () => rmSync(join(project, 'dist'), { recursive: true }),
    ]
    for (const change of changes) {
      change()
      mkdirSync(join(project, 'dist/board'), { recursive: true })
      expect([await settle(), await settle()], String(change)).toEqual([1, 0])
    }
  } finally {
    rmSync(project, { recursive: true })
  }
})

test('a source that changes during the build is built the next time', async () => {
  const project = mkdtempSync(join(tmpdir(), 'relay-static-'))
  try {
    mkdirSync(join(project, 'board'))
    const source = join(project, 'board', 'a.tsx')
    const notes = join(project, 'notes')
    await settleStaticFiles(notes, project, async () => writeFileSync(source, 'late'))
    let builds = 0
    await settleStaticFiles(notes, project, async () => {
      builds += 1
    })
    expect(builds).toBe(1)
  } finally {
    rmSync(project, { recursive: true })
  }
})
