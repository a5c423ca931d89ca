/** The parts that the first view does not need: a file of their own, which lazy.tsx loads. */
export { contextOf, download } from '../state/whole-thread.ts'
export { ConnectPane, FirstSteps } from './connect.tsx'
export { ConnectionsPane } from './connections.tsx'
export { Help } from './help.tsx'
export { NewThreadPane } from './new-thread.tsx'
export { ReadersPane } from './readers.tsx'
export { SearchPane } from './search.tsx'
export { ThreadDialog } from './thread-dialogs.tsx'
