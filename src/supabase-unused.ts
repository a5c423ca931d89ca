/**
 * Stands in for the parts of supabase-js that the relay never calls: wrangler.toml aliases its auth,
 * functions, realtime and storage packages to this file. db.ts uses only the PostgREST client.
 */
class Unused {
  setAuth(): void {}
}

/** supabase-js asks it for a user's session. There is none, so it sends the service key. */
class UnusedAuth {
  onAuthStateChange(): void {}
  async getSession() {
    return { data: { session: null } }
  }
}

export const FunctionRegion = {}
export {
  Unused as FunctionsClient,
  Unused as FunctionsError,
  Unused as FunctionsFetchError,
  Unused as FunctionsHttpError,
  Unused as FunctionsRelayError,
  Unused as RealtimeClient,
  Unused as StorageApiError,
  Unused as StorageClient,
  UnusedAuth as AuthClient,
}
