/** The notifications of this device: what they say, on, off, a test, and why they are impossible. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { staysSignedIn } from '../relay/sign-in.ts'
import { device, findObstacle, sendTest, turnOff, turnOn } from '../state/device.ts'
import { isDeviceOpen } from '../state/dialog.ts'
import { noteFault } from '../state/status.ts'
import { Dialog } from './dialog.tsx'
import { FAILURES } from './targets.tsx'
import { Text } from './text.tsx'

export function DeviceDialog() {
  const [outcome, setOutcome] = useState('')
  const [isBusy, setBusy] = useState(false)
  const isOn = device.value !== undefined
  const obstacle = isOn ? undefined : findObstacle()

  const root = useRef<HTMLDivElement>(null)
  const isOpening = useRef(true)
  // The button that was pressed is gone.
  useLayoutEffect(() => {
    const dialog = root.current?.closest('dialog')
    const next = dialog?.querySelector<HTMLElement>('.primary') ?? dialog?.querySelector('button')
    if (!isOpening.current) next?.focus()
    isOpening.current = false
  }, [isOn, obstacle])

  const run = (action: () => Promise<string>) => async () => {
    if (isBusy) return
    setBusy(true)
    setOutcome('')
    try {
      setOutcome(await action())
    } catch (error) {
      setOutcome(noteFault(error).message)
    }
    setBusy(false)
  }
  const on = run(async () => {
    await turnOn()
    return ''
  })
  const off = run(async () => {
    await turnOff()
    return 'This device no longer rings.'
  })
  const test = run(async () => describeTest(await sendTest()))

  return (
    <Dialog
      title="Notify me on this device"
      onClose={() => {
        isDeviceOpen.value = false
      }}
    >
      <div class="device" ref={root}>
        <p>
          For each message to you, also while the board is closed. A notification names the thread
          and the author, and never has the text.
        </p>
        <p role="status">
          <Text>{obstacle ?? (outcome || (isOn ? 'This device rings.' : ''))}</Text>
        </p>
        {isOn && !staysSignedIn() && (
          <p>
            You are signed in for this tab only. A notification opens the board anew, where you
            would sign in again: to avoid that, sign out, and back in with “Stay signed in”.
          </p>
        )}
        {!obstacle && (
          <div class="dialog-foot">
            {!isOn ? (
              <button
                class="btn primary"
                type="button"
                aria-disabled={isBusy}
                onClick={() => void on()}
              >
                Turn on
              </button>
            ) : (
              <>
                <button
                  class="btn line"
                  type="button"
                  aria-disabled={isBusy}
                  onClick={() => void off()}
                >
                  Turn off
                </button>
                <button
                  class="btn primary"
                  type="button"
                  aria-disabled={isBusy}
                  onClick={() => void test()}
                >
                  Send a test
                </button>
              </>
            )}
          </div>
        )}
      </div>
    </Dialog>
  )
}

function describeTest(outcome: string): string {
  if (outcome === 'sent') {
    return 'Sent. It appears within a few seconds; if it does not, look at the notification settings of this device.'
  }
  if (outcome === 'ended') {
    return 'The push service no longer knows this device, so it was turned off. Turn it on again.'
  }
  return `Not sent: ${FAILURES[outcome] ?? outcome}. Try again in a while.`
}
