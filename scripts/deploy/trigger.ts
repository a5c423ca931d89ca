/** Explains a Worker without its cron trigger to a person. */

/** Returns the missing part, then the ways out. `origin` is the address of the relay. */
export function explainMissingTrigger(origin: string): [missing: string, ...waysOut: string[]] {
  return [
    'The relay runs without its daily query, because Cloudflare did not accept the cron trigger.',
    'The free plan has five cron triggers per account: remove one of another Worker in the dashboard ' +
      '(Workers & Pages, the Worker, Settings, Trigger Events), then run npm run setup again.',
    'Or make the query yourself: anything that calls a tool does. From cron on a machine of yours, with ' +
      'the key in RELAY_KEY:',
    `curl -fsS -H "Authorization: Bearer $RELAY_KEY" ${origin}/health`,
  ]
}
