/** The clipboard of the desktop, where there is one. */
import { spawnSync } from 'node:child_process'

/** Whether the text is in the clipboard now. */
export function copy(text: string): boolean {
  return programs().some(([command, ...args]) => {
    // xclip stays behind to serve the clipboard, and must not hold our output open meanwhile.
    const stdio: ['pipe', 'ignore', 'ignore'] = ['pipe', 'ignore', 'ignore']
    return spawnSync(command, args, { input: text, stdio, timeout: 5000 }).status === 0
  })
}

function programs(): [command: string, ...args: string[]][] {
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
