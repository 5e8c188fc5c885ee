/**
 * Runs one suite of tests: `unit` (anybody, any machine), `root` (namespaces and nftables: fails without root),
 * `interop` (foreign programs as peers and oracles: fails where they are absent).
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { compilerFlags } from '../apps/tulle/src/compilers.ts'

/** Longer than any test takes, on a slow and busy machine too. */
const hangsAfterMs = 180_000

const suites: Readonly<Record<string, (file: string) => boolean>> = {
  unit: (file) => !file.endsWith('.root.test.ts') && !file.endsWith('.interop.test.ts'),
  root: (file) => file.endsWith('.root.test.ts'),
  interop: (file) => file.endsWith('.interop.test.ts'),
}

const [name = 'unit', ...filters] = process.argv.slice(2)
const belongs = suites[name]
if (belongs === undefined) {
  console.error(`run-tests: expected one of ${Object.keys(suites).join(', ')}, found ${name}`)
  process.exit(2)
}

const files = globSync(
  ['packages/*/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tools/**/*.test.ts', 'tests/**/*.test.ts'],
  {
    exclude: (path) => path.includes('node_modules'),
  },
)
  .filter((file) => belongs(file) && filters.every((text) => file.includes(text)))
  .toSorted()
if (files.length === 0) {
  console.error(`run-tests: no test file in suite ${name} matches ${filters.join(' ')}`)
  process.exit(1)
}

// Each file has namespaces, folders and ports of its own, so as many run at a time as there are cores: most of them wait.
const update = process.env['TULLE_GOLDEN'] === 'write' ? ['--test-update-snapshots'] : []
// Hundreds of processes load the same modules: what one has compiled is there for the next.
const compileCache = join(import.meta.dirname, '../node_modules/.cache/tests')
const run = spawnSync(
  process.execPath,
  [
    // As the product has them, whose threads run in processes of tests too.
    ...compilerFlags,
    '--test',
    `--test-concurrency=${availableParallelism()}`,
    `--test-timeout=${hangsAfterMs}`,
    ...update,
    ...files,
  ],
  { stdio: 'inherit', env: { ...process.env, NODE_COMPILE_CACHE: compileCache } },
)
process.exit(run.status ?? 1)
