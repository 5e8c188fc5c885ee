/** `npm run bench -- NAME [options]`: paired measurements. What is measured, and how to read it: bench/README.md. */
import { spawnSync } from 'node:child_process'

const benches: Readonly<Record<string, () => Promise<{ run(argv: readonly string[]): Promise<void> }>>> = {
  control: () => import('./control/control-bench.ts'),
  l4: () => import('./l4/l4-bench.ts'),
  l7: () => import('./l7/l7-bench.ts'),
  'l7-capacity': () => import('./l7-capacity/l7-capacity-bench.ts'),
  'mesh-path': () => import('./mesh-path/mesh-path-bench.ts'),
  micro: () => import('./micro/micro-bench.ts'),
  'one-weight': () => import('./one-weight/one-weight-bench.ts'),
  restart: () => import('./restart/restart-bench.ts'),
  neighbours: () => import('./neighbours/neighbours-bench.ts'),
}

const [name = '', ...argv] = process.argv.slice(2)
const load = benches[name]
if (load === undefined) {
  console.error(`bench: expected one of ${Object.keys(benches).join(', ')}, found ${JSON.stringify(name)}`)
  process.exit(2)
}
if (process.getuid?.() !== 0) runAsRootOfOwnNamespace()
const { run } = await load()
try {
  await run(argv)
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

/** An ordinary user is root in a user namespace, which is all that networks of our own need. */
function runAsRootOfOwnNamespace(): never {
  const again = ['setpriv', '--pdeathsig', 'KILL', process.execPath, ...process.execArgv]
  const child = spawnSync('unshare', ['-Urnm', ...again, ...process.argv.slice(1)], { stdio: 'inherit' })
  if (child.error !== undefined || child.status === null) {
    console.error(
      'bench: expected root, or util-linux (unshare, setpriv) and user namespaces that users may make',
    )
    process.exit(1)
  }
  process.exit(child.status)
}
