#!/usr/bin/env node
// The command as a checkout has it: plain JavaScript that any Node runs, which starts the pinned Node on the
// sources. A signal sent to this process reaches that one, and its exit code becomes ours.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../../../', import.meta.url)
const main = fileURLToPath(new URL('apps/tulle/src/main.ts', root))
const pinned = [`node_modules/node-${process.platform}-${process.arch}/bin/node`, 'node_modules/.bin/node']
  .map((path) => fileURLToPath(new URL(path, root)))
  .find((path) => existsSync(path))
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const recent = major > 24 || (major === 24 && minor >= 12)

if (pinned === undefined && !recent) {
  console.error(
    `tulle: expected Node 24.12 or later, found ${process.versions.node}; run "npm ci" in the checkout, which brings one`,
  )
  process.exit(2)
}
if (process.execPath === pinned) {
  const command = await import(main)
  await command.main()
} else {
  const child = spawn(pinned ?? process.execPath, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
