import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { runComponents, stopOnSignals } from './component.ts'
import type { Component, RunOptions } from './component.ts'
import { silentLog } from './log.ts'

interface Behaviour {
  readonly start?: (signal: AbortSignal) => Promise<void>
  readonly drain?: (deadlineMs: number) => Promise<void>
}

/** Components that write down what is asked of them. */
function traced(trace: string[], name: string, behaviour: Behaviour = {}): Component {
  return {
    async start(signal) {
      trace.push(`start ${name}`)
      await behaviour.start?.(signal)
    },
    async drain(deadlineMs) {
      trace.push(`drain ${name}`)
      await behaviour.drain?.(deadlineMs)
    },
    async [Symbol.asyncDispose]() {
      trace.push(`dispose ${name}`)
    },
  }
}

function options(stop: AbortSignal, change: Partial<RunOptions> = {}): RunOptions {
  return { log: silentLog, stop, drainDeadlineMs: 1000, clock: new TestClock(), ...change }
}

test('runComponents starts in order, drains and disposes in reverse', async () => {
  const trace: string[] = []
  const stop = new AbortController()
  const run = runComponents([traced(trace, 'a'), traced(trace, 'b')], {
    ...options(stop.signal),
    onReady: () => {
      trace.push('ready')
      stop.abort()
    },
  })
  await run
  assert.deepEqual(trace, ['start a', 'start b', 'ready', 'drain b', 'drain a', 'dispose b', 'dispose a'])
})

test('runComponents unwinds what had started when a start fails, and rejects with the failure', async () => {
  const trace: string[] = []
  const failing = traced(trace, 'b', { start: () => Promise.reject(new Error('no port')) })
  const run = runComponents(
    [traced(trace, 'a'), failing, traced(trace, 'c')],
    options(new AbortController().signal),
  )
  await assert.rejects(run, /no port/u)
  assert.deepEqual(trace, ['start a', 'start b', 'dispose b', 'dispose a'])
})

test('runComponents ends a start that is under way when it is stopped, and takes that for no failure', async () => {
  const trace: string[] = []
  const stop = new AbortController()
  const waiting = traced(trace, 'b', {
    start: (signal) => {
      stop.abort(new Error('SIGTERM'))
      return Promise.reject(signal.reason as Error)
    },
  })
  await runComponents([traced(trace, 'a'), waiting, traced(trace, 'c')], {
    ...options(stop.signal),
    onReady: () => assert.fail('never ready'),
  })
  assert.deepEqual(trace, ['start a', 'start b', 'drain a', 'dispose b', 'dispose a'])
})

test('runComponents goes on draining when one component fails to', async () => {
  const trace: string[] = []
  const bad = traced(trace, 'b', { drain: () => Promise.reject(new Error('stuck')) })
  await runComponents([traced(trace, 'a'), bad], options(AbortSignal.abort(), {}))
  assert.deepEqual(trace, [])
  const stop = new AbortController()
  await runComponents([traced(trace, 'a'), bad], { ...options(stop.signal), onReady: () => stop.abort() })
  assert.deepEqual(trace.slice(2), ['drain b', 'drain a', 'dispose b', 'dispose a'])
})

test('runComponents shares one drain deadline among all, and cuts off what is not done by then', async () => {
  const trace: string[] = []
  const clock = new TestClock()
  const stop = new AbortController()
  const given: number[] = []
  const slow = traced(trace, 'c', {
    drain: (deadlineMs) => {
      given.push(deadlineMs)
      return clock.sleep(400)
    },
  })
  const stuck = traced(trace, 'b', {
    drain: (deadlineMs) => {
      given.push(deadlineMs)
      return new Promise(() => undefined)
    },
  })
  const run = runComponents([traced(trace, 'a'), stuck, slow], {
    ...options(stop.signal, { clock }),
    onReady: () => stop.abort(),
  })
  await clock.advance(999)
  assert.deepEqual(trace.slice(3), ['drain c', 'drain b'])
  await clock.advance(1)
  await run
  assert.deepEqual(given, [1000, 600])
  assert.deepEqual(trace.slice(5), ['dispose c', 'dispose b', 'dispose a'])
  assert.equal(clock.pending, 0)
})

for (const [name, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const) {
  test(`stopOnSignals drains at the first ${name} and ends at the second`, () => {
    const ended: number[] = []
    const before = process.listenerCount(name)
    {
      using signals = stopOnSignals(silentLog, (exitCode) => ended.push(exitCode))
      process.emit(name, name)
      assert.deepEqual([signals.signal.aborted, ended], [true, []])
      process.emit(name, name)
      assert.deepEqual(ended, [code])
    }
    assert.equal(process.listenerCount(name), before)
  })
}
