/** The parts that the first view does not need: a file of their own, which lazy.tsx loads. */
export { ConnectPane, FirstSteps } from './connect.tsx'
export { ConnectionsPane } from './connections.tsx'
export { DueThreads } from './due-threads.tsx'
export { ReadersPane } from './readers.tsx'
export { SearchPane } from './search.tsx'
export { ThreadDialog } from './thread-dialogs.tsx'
