/** Pages with data of a request: consent, errors of a sign-in, a foreign host. All others are files. */

export interface PageContent {
  title: string
  /** HTML. Text from others has gone through escapeHtml(). */
  body: string
  status?: number
}

/** For every page that may run nothing. */
const POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"

/**
 * Renders a page that runs nothing and that no other site may frame. Its style is the board's file, so
 * without the board it is plain. It has no `form-action`: Chromium applies that to every redirect after a
 * form, and clients redirect to apps.
 */
export function page({ title, body, status = 200 }: PageContent): Response {
  return new Response(
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="stylesheet" href="/board/consent.css">
</head>
<body>
<main>${body}
</main>
</body>
</html>
`,
    {
      status,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'content-security-policy': POLICY,
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
