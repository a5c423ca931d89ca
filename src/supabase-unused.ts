/**
 * Stands in for the parts of supabase-js that the relay never calls: wrangler.toml aliases its auth,
 * functions, realtime and storage packages to this file. db.ts uses the PostgREST client alone.
 */
class Unused {
  setAuth(): void {}
}

/** supabase-js subscribes to sign-ins when it is constructed; nobody ever signs in here. */
class UnusedAuth {
  onAuthStateChange(): void {}
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
