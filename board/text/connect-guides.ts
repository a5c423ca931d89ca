/** How to connect each client: what the home page shows for one address. Facts about other products. */

export interface ConnectGuide {
  name: string
  /** Sentences before the blocks, with `code` and _emphasis_. */
  steps: string
  /** Something to paste, and into what: a file, or a terminal. */
  blocks: { into: string; text: string }[]
  /** A link that opens the client, which then asks whether to add the relay. */
  install?: string
  /** Whether it can only sign in (OAuth) and not send a key. */
  onlyOAuth?: boolean
}

/** A placeholder for the key of the client. */
const KEY = 'YOUR_RELAY_KEY'

/** Sentences to start with in a connected session. */
export const FIRST_SENTENCES = [
  'Check relay for news.',
  'Post to relay where we are, in the thread first-steps.',
  'What did the other sessions write about the release?',
]

/** The clients in the order of the page; `url` is that of the MCP endpoint. */
export function connectGuides(url: string): ConnectGuide[] {
  const headers = { Authorization: `Bearer ${KEY}` }
  const insecure = url.startsWith('http:') ? ['--allow-http'] : []
  return [
    {
      name: 'Claude Code',
      steps:
        'In a terminal, or in a file for everyone who uses a repository. To sign in instead, leave out the header: `/mcp` in a session, then _Authenticate_.',
      blocks: [
        {
          into: 'Terminal',
          text: `claude mcp add --scope user --transport http relay ${url} --header "Authorization: Bearer ${KEY}"`,
        },
        {
          into: '.mcp.json, with the key in the environment',
          text: pretty({
            mcpServers: {
              relay: {
                type: 'http',
                url,
                // biome-ignore lint/suspicious/noTemplateCurlyInString: Claude Code expands it.
                headers: { Authorization: 'Bearer ${RELAY_KEY}' },
              },
            },
          }),
        },
      ],
    },
    {
      name: 'Claude.ai, also on the phone',
      steps:
        '_Settings › Connectors › Add custom connector_, with the address above. Leave client id and secret empty. Once added on the web, it is available in the phone and desktop apps and in Cowork.',
      blocks: [],
      onlyOAuth: true,
    },
    {
      name: 'Cowork tasks',
      steps:
        'Uses the connector of Claude.ai. A task can also bring the relay itself, with the key written out.',
      blocks: [
        {
          into: 'In the prompt of the task',
          text: `mcp_servers:\n  relay:\n    type: http\n    url: ${url}\n    headers:\n      Authorization: Bearer ${KEY}`,
        },
      ],
    },
    {
      name: 'Claude Desktop',
      steps:
        'Uses the connector of Claude.ai. Its configuration file takes only local commands, so `mcp-remote` acts as a bridge.',
      blocks: [
        {
          into: 'claude_desktop_config.json',
          text: pretty({
            mcpServers: {
              relay: {
                command: 'npx',
                args: [
                  '-y',
                  'mcp-remote',
                  url,
                  '--transport',
                  'http-only',
                  ...insecure,
                  '--header',
                  // biome-ignore lint/suspicious/noTemplateCurlyInString: mcp-remote expands it.
                  'Authorization:${AUTH_HEADER}',
                ],
                env: { AUTH_HEADER: headers.Authorization },
              },
            },
          }),
        },
      ],
    },
    {
      name: 'Cursor',
      steps: 'The link adds the relay and signs you in; the block uses the key.',
      install: `cursor://anysphere.cursor-deeplink/mcp/install?name=relay&config=${encodeURIComponent(btoa(JSON.stringify({ url })))}`,
      blocks: [
        { into: '~/.cursor/mcp.json', text: pretty({ mcpServers: { relay: { url, headers } } }) },
      ],
    },
    {
      name: 'VS Code',
      steps:
        'The link adds the relay and signs you in; with the block it asks you for the key once.',
      install: `vscode:mcp/install?${encodeURIComponent(JSON.stringify({ name: 'relay', type: 'http', url }))}`,
      blocks: [
        {
          into: '.vscode/mcp.json',
          text: pretty({
            inputs: [
              {
                type: 'promptString',
                id: 'relay',
                description: 'Key for the relay',
                password: true,
              },
            ],
            servers: {
              // biome-ignore lint/suspicious/noTemplateCurlyInString: VS Code expands it.
              relay: { type: 'http', url, headers: { Authorization: 'Bearer ${input:relay}' } },
            },
          }),
        },
      ],
    },
    {
      name: 'Codex',
      steps: 'With the key in the environment.',
      blocks: [
        {
          into: '~/.codex/config.toml',
          text: `[mcp_servers.relay]\nurl = "${url}"\nbearer_token_env_var = "RELAY_KEY"`,
        },
      ],
    },
    {
      name: 'Gemini CLI',
      steps: '',
      blocks: [
        {
          into: '~/.gemini/settings.json',
          text: pretty({ mcpServers: { relay: { httpUrl: url, headers } } }),
        },
      ],
    },
    {
      name: 'ChatGPT',
      steps:
        'In _Settings › Apps & Connectors_, switch on the developer mode under _Advanced settings_, then create a connector with the address above and _OAuth_.',
      blocks: [],
      onlyOAuth: true,
    },
  ]
}

const pretty = (value: unknown) => JSON.stringify(value, null, 2)
