/**
 * Refuses to start in a sentence where the rest could not even be loaded: on a Node that does not know
 * TypeScript, and before `npm install`. Plain CommonJS; npm scripts have it loaded first (`--require`).
 */
const { existsSync } = require('node:fs')
const { join } = require('node:path')

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const modules = join(__dirname, '..', '..', 'node_modules')

/** npm install puts a Node of its own first on the path of npm scripts, on Linux. */
const bringsNode = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)

if (!existsSync(modules)) fail('relay-mcp is not installed yet: run "npm install" first.')

if (major < 22 || (major === 22 && minor < 19)) {
  const here = `relay-mcp needs Node 22.19 or later, and this is ${process.versions.node}`
  if (bringsNode && !existsSync(join(modules, `node-linux-${process.arch}`))) {
    fail(`${here}: run "npm install" without --omit=optional, which brings a newer one.`)
  }
  if (bringsNode) fail(`${here}: run the command through npm, as in "npm start".`)
  fail(`${here}: install a newer one from https://nodejs.org.`)
}

function fail(sentence) {
  console.error(sentence)
  process.exit(2)
}
