import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { createStyle } from '../output/style.ts'
import { createConsole, humanLogLine } from './console.ts'

test('createConsole() puts time and name in front of each line', () => {
  let text = ''
  const clock = new TestClock(Date.UTC(2026, 10, 22, 7, 5, 9))
  const console = createConsole({ style: createStyle(false), clock, write: (part) => (text += part) })
  console.say('node-1', 'ready')
  console.plain('as it is')
  assert.equal(text, '07:05:09 node-1       ready\nas it is\n')
})

test('humanLogLine() shows message and fields, without those that every line has', () => {
  const line = JSON.stringify({
    time: 't',
    level: 'warn',
    msg: 'a file is broken',
    role: 'control',
    at: 'x.yaml:3:1',
    count: 2,
  })
  assert.deepEqual(humanLogLine(line, 'control'), {
    level: 'warn',
    text: 'a file is broken  at=x.yaml:3:1  count=2',
  })
})

test('humanLogLine() names another node, not the one whose line it is', () => {
  const line = '{"level":"info","msg":"node connected","node":"node-1"}'
  assert.equal(humanLogLine(line, 'control')?.text, 'node connected  node=node-1')
  assert.equal(humanLogLine(line, 'node-1')?.text, 'node connected')
})

test('humanLogLine() leaves out debug lines and shows what is no log line as it is', () => {
  assert.equal(humanLogLine('{"level":"debug","msg":"x"}', 'x'), undefined)
  assert.deepEqual(humanLogLine('Error: boom', 'x'), { level: 'warn', text: 'Error: boom' })
})
