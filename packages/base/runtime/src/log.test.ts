import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TestClock } from '@tulle/core'
import { createLog, silentLog } from './log.ts'
import type { Log, LogLevel } from './log.ts'

function collect(level: LogLevel = 'debug'): { log: Log; lines: string[] } {
  const lines: string[] = []
  const clock = new TestClock(Date.UTC(2026, 10, 22))
  return { log: createLog({ level, clock, write: (line) => lines.push(line) }), lines }
}

test('createLog writes one JSON object a line, with stable keys in order', () => {
  const { log, lines } = collect()
  log.child({ node: 'a' }).warn('slow', { ms: 12, list: ['x', 'y'], ok: false, none: undefined })
  assert.deepEqual(lines, [
    '{"time":"2026-11-22T00:00:00.000Z","level":"warn","msg":"slow","node":"a","ms":12,"list":["x","y"],"ok":false}',
  ])
})

test('createLog writes from its level on, which can be changed while it runs, for children too', () => {
  const { log, lines } = collect('warn')
  const child = log.child({})
  child.info('too low')
  log.level = 'info'
  child.info('now')
  child.level = 'error'
  log.warn('too low again')
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
    ['now'],
  )
  assert.equal(log.level, 'error')
})

test('createLog lets no field stand in for the keys of the line', () => {
  const { log, lines } = collect()
  log.info('true', { msg: 'false', level: 'error', time: 'never' })
  const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>
  assert.deepEqual(
    [line['msg'], line['level'], line['field.msg'], line['field.level'], line['field.time']],
    ['true', 'info', 'false', 'error', 'never'],
  )
})

test('createLog keeps lines short, whatever a peer sent', () => {
  const { log, lines } = collect()
  log.info('x'.repeat(100_000), { text: 'y'.repeat(100_000), list: Array.from({ length: 1000 }, () => 'z') })
  assert.ok((lines[0] ?? '').length < 10_000)
})

test('createLog writes any text as one line of JSON', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (key, value) => {
      const { log, lines } = collect()
      log.info(value, { [key]: value, number: Number.NaN })
      assert.equal(lines.length, 1)
      assert.doesNotMatch(lines[0] ?? '', /[\n\r]/u)
      assert.equal((JSON.parse(lines[0] ?? '') as { msg: string }).msg, value)
    }),
  )
})

test('silentLog writes nothing and takes any level', () => {
  silentLog.child({ a: 1 }).error('x')
  silentLog.level = 'debug'
  assert.equal(silentLog.level, 'error')
})
