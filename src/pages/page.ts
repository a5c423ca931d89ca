/** What all pages share: the document around a body, the look, escaping, and the headers. */

export interface PageContent {
  title: string
  /** HTML, with everything that others have written escapeHtml. */
  body: string
  style?: string
  script?: string
  /** Path of the icon. */
  icon?: string
  status?: number
}

/**
 * Renders a page that no other site may frame, and that runs only its own style and script. It has no
 * `form-action`: Chromium applies that to every redirect after a form, and clients redirect to apps.
 */
export function page(content: PageContent): Response {
  const { title, body, style = '', script, icon, status = 200 } = content
  const nonce = crypto.randomUUID()
  const scripts = script === undefined ? '' : ` script-src 'nonce-${nonce}';`
  const images = icon === undefined ? '' : ` img-src 'self';`
  return new Response(
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>${icon === undefined ? '' : `\n<link rel="icon" href="${icon}">`}
<style nonce="${nonce}">${STYLE}${style}</style>
</head>
<body>
<main>${body}
</main>${script === undefined ? '' : `\n<script nonce="${nonce}">${script}</script>`}
</body>
</html>
`,
    {
      status,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}';${scripts}${images} base-uri 'none'; frame-ancestors 'none'`,
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        // With no-referrer, Chromium says "Origin: null" when our own form is posted.
        'referrer-policy': 'same-origin',
      },
    },
  )
}

/** Renders a page that says one thing. */
export function messagePage(title: string, message: string, status: number): Response {
  return page({ title, body: `<h1>${title}</h1>\n<p>${escapeHtml(message)}</p>`, status })
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

const STYLE = `
:root {
  color-scheme: light dark;
  --ink: light-dark(#1d2433, #e7eaf1);
  --faint: light-dark(#5a6478, #a3adbf);
  --paper: light-dark(#ffffff, #1b2130);
  --ground: light-dark(#eef1f6, #10141d);
  --line: light-dark(#858fa3, #6f7b91);
  --accent: light-dark(#2454d6, #8fb0ff);
  --on-accent: light-dark(#ffffff, #10141d);
  --bad: light-dark(#b3261e, #ff9d94);
  --warn: light-dark(#fff4d6, #3a3015);
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
  background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
main {
  width: 100%; max-width: 27rem; padding: 1.75rem; border-radius: 0.9rem;
  background: var(--paper); box-shadow: 0 1px 3px rgb(0 0 0 / 0.2);
}
h1 { margin: 0 0 0.75rem; font-size: 1.35rem; line-height: 1.25; }
p { margin: 0 0 0.9rem; }
code { font: 0.95em ui-monospace, monospace; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.hint { color: var(--faint); font-size: 0.9rem; }
.warning { padding: 0.7rem 0.85rem; border-radius: 0.5rem; background: var(--warn); }
`
