/**
 * `npm run fuzz -- [TARGET…] [--runs N] [--seconds S] [--seed S]`: a million runs of each target unless told otherwise.
 * `npm run fuzz -- TARGET --replay FILE`: one input, and what becomes of it. Exit 1 if something does not hold.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { attempt, fuzz } from './fuzz.ts'
import type { FuzzReport } from './fuzz.ts'
import { seedFiles } from './seed-files.ts'
import type { FuzzTarget } from './target.ts'
import { targets } from './targets/index.ts'

/** What may be kept after a target's runs, its corpus and the outcomes included. */
const maxHeapGrowthBytes = 64 * 1024 * 1024
/** An input that takes this long is a way to hold a process up. */
const maxInputMs = 2000

const { values, positionals } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string' },
    replay: { type: 'string' },
  },
  allowPositionals: true,
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9))

function chosen(): readonly FuzzTarget[] {
  const unknown = positionals.find((name) => !targets.some((target) => target.name === name))
  if (unknown !== undefined) {
    throw new Error(`expected one of ${targets.map(({ name }) => name).join(', ')}, found ${unknown}`)
  }
  return positionals.length === 0 ? targets : targets.filter(({ name }) => positionals.includes(name))
}

interface Memory {
  readonly heapBytes: number
  readonly rssBytes: number
}

function memory(): Memory {
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  return { heapBytes: heapUsed, rssBytes: rss }
}

const mebi = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1)

function memoryText({ heapBytes, rssBytes }: Memory): string {
  return `heap ${mebi(heapBytes)} MiB, resident ${mebi(rssBytes)} MiB`
}

/** Writes the input down, and says how to see it again. */
function keep(target: FuzzTarget, failure: NonNullable<FuzzReport['failure']>): string {
  const root = join(import.meta.dirname, '../..')
  const folder = join(root, '.cache/fuzz')
  mkdirSync(folder, { recursive: true })
  const hash = createHash('sha256').update(failure.input).digest('hex').slice(0, 12)
  const file = join(folder, `${target.name}-${hash}`)
  writeFileSync(file, failure.input)
  const path = relative(root, file)
  return `again: npm run fuzz -- ${target.name} --replay ${path}\nkept for good in tests/fuzz/seeds/${target.name}/`
}

async function run(target: FuzzTarget): Promise<boolean> {
  console.log(`${target.name}: ${target.about}`)
  const before = memory()
  // By then everything is compiled, and the corpus is nearly what it will be.
  let warm: Memory | undefined
  const startMs = performance.now()
  const endMs = startMs + Number(values.seconds) * 1000
  const report = await fuzz(target, {
    seed,
    runs: Number(values.runs),
    enough: (runs) => {
      if (runs >= Number(values.runs) / 10) warm ??= memory()
      return performance.now() >= endMs
    },
    kept: seedFiles(target.name).map(({ bytes }) => bytes),
  })
  const seconds = (performance.now() - startMs) / 1000
  const after = memory()
  const grown = after.heapBytes - before.heapBytes
  const { runs, outcomes, corpus, slowestMs, failure } = report
  console.log(
    `  ${runs} runs in ${seconds.toFixed(1)} s, ${Math.round(runs / seconds)}/s; ${outcomes} outcomes, ${corpus} inputs kept; ` +
      `slowest ${slowestMs.toFixed(1)} ms; heap ${grown < 0 ? '' : '+'}${mebi(grown)} MiB`,
  )
  if (warm !== undefined)
    console.log(`  after a tenth: ${memoryText(warm)}; at the end: ${memoryText(after)}`)
  if (failure !== undefined) {
    console.log(failure.error)
    console.log(keep(target, failure))
    return false
  }
  if (slowestMs > maxInputMs) console.log(`  an input took longer than ${maxInputMs} ms`)
  if (grown > maxHeapGrowthBytes) console.log(`  more was kept than ${maxHeapGrowthBytes} bytes`)
  return slowestMs <= maxInputMs && grown <= maxHeapGrowthBytes
}

function replay(target: FuzzTarget, file: string): boolean {
  const { outcome, error } = attempt(target, readFileSync(file))
  console.log(error ?? `holds: ${outcome}`)
  return error === undefined
}

console.log(`seed ${seed}`)
for (const target of chosen()) {
  const holds = values.replay === undefined ? await run(target) : replay(target, values.replay)
  if (!holds) process.exitCode = 1
}
