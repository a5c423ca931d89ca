/**
 * Runs before each file, because files share a process: nothing that the file before has loaded, replaced or
 * set is left.
 */
import { vi } from 'vitest'

vi.useRealTimers()
vi.restoreAllMocks()
vi.unstubAllGlobals()
vi.unstubAllEnvs()
vi.resetModules()
