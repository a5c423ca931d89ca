/** What all pages share: the document around a body, the look, escaping, and the headers. */

export interface PageContent {
  title: string
  /** HTML. What others wrote has gone through escapeHtml(). */
  body: string
  style?: string
  status?: number
}

/**
 * Renders a page that needs nothing else: it brings its style with it, and runs nothing. No other site may
 * frame it. It has no `form-action`: Chromium applies that to every redirect after a form, and clients
 * redirect to apps.
 */
export function page({ title, body, style = '', status = 200 }: PageContent): Response {
  const nonce = crypto.randomUUID()
  const head = `<style nonce="${nonce}">${STYLE}${style}</style>`
  return answer(title, head, `<main>${body}\n</main>`, status, `style-src 'nonce-${nonce}'`)
}

/** Renders a page in the board's design, with the board's files. */
export function sheet({ title, body }: PageContent): Response {
  const head = `<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/board/pages.css">
<script src="/board/page.js" type="module"></script>`
  const policy = "style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'"
  return answer(title, head, `<div class="page">${body}\n</div>`, 200, policy)
}

function answer(
  title: string,
  head: string,
  body: string,
  status: number,
  policy: string,
): Response {
  return new Response(
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
${head}
</head>
<body>
${body}
</body>
</html>
`,
    {
      status,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'content-security-policy': `default-src 'none'; ${policy}; base-uri 'none'; frame-ancestors 'none'`,
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        // A page that asks for a key and turns up in a search looks like phishing.
        'x-robots-tag': 'noindex',
        // With no-referrer, Chromium says "Origin: null" when our own form is posted.
        'referrer-policy': 'same-origin',
      },
    },
  )
}

/** Renders a page that says one thing, with the ways on from there. */
export function messagePage(title: string, message: string, status: number): Response {
  const links = '<p><a href="/board/">Open the board</a> · <a href="/">About this relay</a></p>'
  const body = `<h1>${title}</h1>\n<p>${escapeHtml(message)}</p>`
  return page({ title, body: status === 404 ? `${body}\n${links}` : body, status })
}

/** Escapes text for an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

/** The board's colours and shapes (board/style/tokens.css), as far as these pages need them. */
const STYLE = `
:root {
  color-scheme: light dark;
  --ink: light-dark(#171a21, #e7e9ee);
  --faint: light-dark(#535a68, #a6adba);
  --paper: light-dark(#ffffff, #14161b);
  --sunk: light-dark(#f3f4f7, #1c1f26);
  --line: light-dark(#868d9b, #6f7786);
  --accent: light-dark(#2454d6, #8fb0ff);
  --fill: light-dark(#2454d6, #3765e6);
  --bad: light-dark(#b3261e, #ff9189);
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; display: grid; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 0.9375rem/1.6 system-ui, sans-serif; overflow-wrap: anywhere; -webkit-font-smoothing: antialiased;
}
main { width: 100%; max-width: 25rem; margin: auto; padding-bottom: 4vh; }
h1 { margin: 0 0 0.75rem; font-size: 1.5rem; line-height: 1.3; font-weight: 600; letter-spacing: -0.02em; }
p { margin: 0 0 1rem; }
a { color: var(--accent); text-underline-offset: 3px; }
code { font: 0.93em ui-monospace, monospace; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.hint { color: var(--faint); font-size: 0.8125rem; }
.warning { padding: 0.75rem 1rem; border-radius: 8px; background: var(--sunk); }
`
