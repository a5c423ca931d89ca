/** Loaded into the plugin's hooks before their own code: none of their limits passes on a busy machine. */
if (/[\\/]hooks[\\/][\w-]+\.mjs$/.test(process.argv[1] ?? '')) {
  performance.now = () => 0
  AbortSignal.timeout = () => new AbortController().signal
}
