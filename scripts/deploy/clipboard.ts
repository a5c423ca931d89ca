/** Copies text to the clipboard of the desktop, if there is one. */
import { spawnSync } from 'node:child_process'
import { environmentFor } from '../lib/environment.ts'

/** Returns whether the text was copied. */
export function copy(text: string): boolean {
  return listPrograms().some(([command, ...args]) => {
    // xclip keeps running to serve the clipboard, and must not keep our output open.
    const stdio: ['pipe', 'ignore', 'ignore'] = ['pipe', 'ignore', 'ignore']
    const options = { stdio, timeout: 5000, env: environmentFor() }
    return spawnSync(command, args, { ...options, input: text }).status === 0
  })
}

function listPrograms(): [command: string, ...args: string[]][] {
  const { WAYLAND_DISPLAY, DISPLAY, WSL_DISTRO_NAME } = process.env
  if (process.platform === 'darwin') return [['pbcopy']]
  if (process.platform === 'win32' || WSL_DISTRO_NAME) return [['clip.exe']]
  if (WAYLAND_DISPLAY) return [['wl-copy']]
  if (DISPLAY)
    return [
      ['xclip', '-selection', 'clipboard'],
      ['xsel', '-ib'],
    ]
  return []
}
