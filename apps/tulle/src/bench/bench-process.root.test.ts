import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closeFd, currentNetns } from '@tulle/kernel'
import { BenchProcess } from './bench-process.ts'

const minute = 60_000

function started(script: string): BenchProcess {
  const netns = currentNetns()
  try {
    return new BenchProcess('the load', netns, ['--eval', script])
  } finally {
    closeFd(netns)
  }
}

test('what has said its line is not waited for, though it never ends', async () => {
  using load = started(
    `process.stdout.write('{"requests":1}\\nmore'); setInterval(() => undefined, ${minute})`,
  )
  assert.equal(await load.line(minute), '{"requests":1}')
})

test('what ends without a line says why', async () => {
  using load = started(`process.stdout.write('half'); console.error('no answer'); process.exitCode = 1`)
  await assert.rejects(load.line(minute), { message: 'the load ended with 1: no answer' })
})

test('what says no line is given up after its time', async () => {
  using load = started(`setInterval(() => undefined, ${minute})`)
  await assert.rejects(load.line(1), { message: 'expected a line of the load within 0.001 s, found none' })
})
