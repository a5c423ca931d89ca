/**
 * Each required setting in a sentence or two: its purpose and where to get it, in Markdown with `code` and
 * _emphasis_. For the page at `/` and the doctor; the Worker has no use for it. Leaf.
 */
export const ABOUT: Record<string, string> = {
  RELAY_API_KEY:
    'The key that your clients send, at least 32 characters. Create one with `openssl rand -base64 32`, and keep it: it is not shown again. When you upgrade from an earlier version, keep your key.',
  SUPABASE_URL:
    'The project URL: in the Supabase dashboard, _Project Settings › Data API › Project URL_.',
  SUPABASE_SERVICE_KEY:
    'The secret key: in the Supabase dashboard, _Project Settings › API Keys_, `sb_secret_…`, or the legacy `service_role` key.',
  RELAY_USER_ID:
    'Whose threads these are. Any UUID works for a new relay: `uuidgen` creates one. When you upgrade from an earlier version, keep your id, or no thread will be found.',
}
