/**
 * Refuses to start with a clear message if the rest could not be loaded: on a Node without TypeScript
 * support, and before `npm install`. Plain CommonJS; npm scripts load it first with `--require`.
 */
const { existsSync } = require('node:fs')
const { join } = require('node:path')

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const modules = join(__dirname, '..', '..', 'node_modules')

/** On Linux, npm install puts its own Node first on the path of npm scripts. */
const bringsNode = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)

if (!existsSync(modules)) fail('relay-mcp is not installed yet: run "npm install" first.')

if (major < 22 || (major === 22 && minor < 19)) {
  const here = `relay-mcp needs Node 22.19 or later, but this is ${process.versions.node}`
  if (bringsNode && !existsSync(join(modules, `node-linux-${process.arch}`))) {
    fail(`${here}. Run "npm install" without --omit=optional: it installs a newer one.`)
  }
  if (bringsNode) fail(`${here}. Run the command through npm, as in "npm start".`)
  fail(`${here}. Install a newer one from https://nodejs.org.`)
}

function fail(sentence) {
  console.error(sentence)
  process.exit(2)
}
