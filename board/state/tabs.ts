/** News between the board's tabs in one browser, so that none waits for its next look. */
import { lookNow, reloadThreads } from './looking.ts'

/** `posted`: a message. `managed`: something that does not show among the latest messages. */
type News = 'posted' | 'managed'

const tabs = new BroadcastChannel('relay-board')

export function tellTabs(news: News): void {
  tabs.postMessage(news)
}

/** Follows the other tabs from now on. */
export function followTabs(): void {
  tabs.onmessage = ({ data }: MessageEvent<News>) => {
    if (data === 'posted') lookNow()
    else void reloadThreads()
  }
}
