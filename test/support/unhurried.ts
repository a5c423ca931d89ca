/**
 * Loaded into the plugin's hooks before their own code: their clock stands still at a minute before their
 * start, so that no limit passes because the machine is busy.
 */
if (/[\\/]hooks[\\/][\w-]+\.mjs$/.test(process.argv[1] ?? '')) performance.now = () => -60_000
