/** The environment of programs that are not this project's. Leaf. */

/** Variables with keys and passwords of the relay and its services. */
const OWN = /^(RELAY|SUPABASE|CLOUDFLARE|CF)_|^DATABASE_URL$/

/** Returns the environment of this process without its keys, but with those that the program needs. */
export function environmentFor(needed?: RegExp): NodeJS.ProcessEnv {
  const given = Object.entries(process.env)
  return Object.fromEntries(given.filter(([name]) => !OWN.test(name) || needed?.test(name)))
}
