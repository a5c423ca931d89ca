/**
 * Refuses a Node that is too old in a sentence. Plain CommonJS, because what it is for can't even
 * load the TypeScript beside it: npm scripts have it loaded first (`node --require`).
 */
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 19)) {
  console.error(
    `relay-mcp needs Node 22.19 or later, and this is ${process.versions.node}: install a newer ` +
      'one from https://nodejs.org.',
  )
  process.exit(1)
}
