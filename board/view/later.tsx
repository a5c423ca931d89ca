/** The parts that the first view does not need: a file of their own, which lazy.tsx loads. */
export { ConnectPane, FirstSteps } from './connect.tsx'
export { SearchPane } from './search.tsx'
