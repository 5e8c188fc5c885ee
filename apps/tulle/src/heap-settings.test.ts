import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { cachedDataVersionTag } from 'node:v8'
import { controlHeap, proxyHeap } from './heap-settings.ts'
import type { HeapSettings } from './heap-settings.ts'

const script = (settings: HeapSettings): string => `
import { once } from 'node:events'
import { cachedDataVersionTag, getHeapStatistics } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { ensureHeapSettings } from ${JSON.stringify(join(import.meta.dirname, 'heap-settings.ts'))}
ensureHeapSettings(${JSON.stringify(settings)})
const limit = 'postMessage(require("node:v8").getHeapStatistics().heap_size_limit)'
const thread = new Worker('const { parentPort } = require("node:worker_threads"); parentPort.' + limit, {
  eval: true,
  resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 12 },
})
const [threadBytes] = await once(thread, 'message')
const { pid, execArgv, argv, env } = process
console.log(JSON.stringify({
  pid, execArgv, args: argv.slice(2), mine: env.MINE, arenas: env.MALLOC_ARENA_MAX, codeTag: cachedDataVersionTag(),
  threadMiB: threadBytes / 2 ** 20,
}))
`

interface Told {
  readonly pid: number
  readonly execArgv: readonly string[]
  readonly args: readonly string[]
  readonly mine: string
  readonly arenas: string | undefined
  /** Of compiled code that this process can use. */
  readonly codeTag: number
  readonly threadMiB: number
}

function run(settings: HeapSettings, flags: readonly string[], env: Readonly<Record<string, string>>): Told {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-heap-'))
  try {
    const main = join(folder, 'main.mjs')
    writeFileSync(main, script(settings))
    const child = spawnSync(process.execPath, [...flags, main, 'one', '--two=2 3'], {
      encoding: 'utf8',
      env: { ...env, MINE: 'kept' },
    })
    assert.equal(child.stderr, '', 'it says nothing of it')
    const told = JSON.parse(child.stdout) as Told
    assert.equal(told.pid, child.pid, 'it is the process that was started')
    assert.deepEqual(told.args, ['one', '--two=2 3'])
    assert.equal(told.mine, 'kept')
    return told
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('ensureHeapSettings() starts the process anew with a bounded young space, once, with all else as it was', () => {
  const told = run(controlHeap, ['--no-deprecation'], {})
  assert.deepEqual(told.execArgv, ['--no-deprecation', '--max-semi-space-size=8'])
  assert.equal(told.arenas, '1')
})

test('ensureHeapSettings() leaves alone what users set for themselves', () => {
  const own = '--max-semi-space-size=32'
  assert.deepEqual(run(controlHeap, [own], {}).execArgv, [own])
  assert.deepEqual(run(controlHeap, [], { NODE_OPTIONS: own }).execArgv, [])
  assert.equal(run(controlHeap, [], { MALLOC_ARENA_MAX: '4' }).arenas, '4')
})

test('a proxy runs with settings under which code that Node brings compiled, and the cache, can be used', () => {
  assert.equal(run(proxyHeap, [], {}).codeTag, cachedDataVersionTag())
})

test('a bound for the main thread is none for threads, which have their own; their arenas are bounded too', () => {
  const { threadMiB, execArgv, arenas } = run(proxyHeap, [], {})
  assert.deepEqual(execArgv, ['--max-semi-space-size=1'])
  assert.equal(threadMiB, 64 + 12)
  assert.equal(arenas, '2')
})

/** Keeps 50 MB of objects, then 400 MB outside, a little at a time, as connections come; how often all of the heap was looked through meanwhile. */
const outside = (weighs: boolean): string => `
import { PerformanceObserver, constants } from 'node:perf_hooks'
import { weighOutsideMemory } from ${JSON.stringify(join(import.meta.dirname, 'heap-settings.ts'))}
${weighs ? 'weighOutsideMemory()' : ''}
const kept = Array.from({ length: 500_000 }, (_, i) => ({ i, text: 'object ' + i }))
let count = 0
const watch = new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) count++
})
watch.observe({ entryTypes: ['gc'] })
const nextTurn = () => new Promise((resolve) => setImmediate(resolve))
for (let i = 0; i < 4000; i++) {
  kept.push(Buffer.allocUnsafeSlow(100 * 1024))
  await nextTurn()
}
for (const entry of watch.takeRecords()) if (entry.detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) count++
console.log(count, kept.length)
`

function timesLookedThrough(weighs: boolean): number {
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', outside(weighs)], {
    encoding: 'utf8',
  })
  assert.equal(child.stderr, '')
  return Number(child.stdout.split(' ')[0])
}

test('memory outside of the heap that stays has V8 look through the heap for it less often', () => {
  const [before, after] = [timesLookedThrough(false), timesLookedThrough(true)]
  assert.ok(after < before, `${after} times, and ${before} without`)
})
