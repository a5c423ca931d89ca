import { defineConfig } from 'vitest/config'

/** Three projects: unit tests need no services; each of the other two starts PostgreSQL and bundles the Worker once. */
const SERVICES = 'test/support/global-setup.ts'

export default defineConfig({
  test: {
    // For two processors: while one test waits for a limit to pass or for a client, two others run.
    maxWorkers: 3,
    // A process takes longer to start than most files run.
    isolate: false,
    setupFiles: 'test/support/fresh-file.ts',
    // Longer than a busy machine takes: what takes as long has hung.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: SERVICES,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: SERVICES,
        },
      },
    ],
  },
})
