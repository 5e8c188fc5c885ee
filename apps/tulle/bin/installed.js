#!/usr/bin/env node
// The command as users install it: plain JavaScript that any Node runs, so that an old one gets a sentence.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major > 24 || (major === 24 && minor >= 12)) {
  const command = await import('../lib/main.js')
  await command.main()
} else {
  console.error(`tulle: expected Node 24.12 or later, found ${process.versions.node}`)
  process.exit(2)
}
