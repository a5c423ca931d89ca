/**
 * The purpose of each optional setting, in Markdown: `code` and _emphasis_. Apart from the table of
 * settings, because the Worker never says it. Leaf.
 */
import type { SETTINGS } from '../../src/settings-table.ts'

type OptionalSetting = Extract<(typeof SETTINGS)[number], { isRequired: false }>['name']

export const OPTIONAL_SETTINGS: Readonly<Record<OptionalSetting, string>> = {
  RELAY_API_KEY_PREVIOUS:
    'The key before this one, still accepted while you move your clients to the new one.',
  RELAY_PUBLIC_URL:
    'The address under which clients reach the relay, if it has several or is behind a tunnel.',
  RELAY_ALLOWED_ORIGINS: 'Origins of web pages that may call the relay, separated by commas.',
  RELAY_APP:
    'Set to `1` to offer the board as a view inside chats that show MCP Apps, such as Claude.ai. Off by default.',
  RELAY_NOTIFY_URL: 'Where messages addressed to you are announced: an ntfy topic or a webhook.',
  RELAY_EVENTS:
    'Set to `0` to turn MCP Events off, by which ChatGPT and other clients learn of new messages. On by default.',
  RELAY_EVENT_HOSTS:
    "Hosts that clients may name as receivers of events, separated by commas, in addition to ChatGPT's; `*` for any.",
  RELAY_DELETE_ARCHIVED_DAYS:
    'Delete threads that have been archived and silent for so many days. Without it, nothing is ever deleted by itself.',
  RELAY_NOTIFY_FOR: 'The reader tags whose messages are announced, separated by commas.',
}
