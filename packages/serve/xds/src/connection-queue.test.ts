import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { ConnectionQueue } from './connection-queue.ts'

interface World {
  readonly clock: TestClock
  readonly queue: ConnectionQueue
  readonly admitted: string[]
  readonly come: (name: string, address: string) => Socket
}

function setUp(maxYoung: number, maxWaiting: number = 1000): World {
  const clock = new TestClock()
  const admitted: string[] = []
  const names = new Map<Socket, string>()
  const admit = (socket: Socket): void => void admitted.push(names.get(socket) ?? '')
  const queue = new ConnectionQueue({ clock, maxYoung, maxYoungMs: 1000, maxWaiting, admit })
  const come = (name: string, address: string): Socket => {
    const socket = new Socket()
    Object.defineProperty(socket, 'remoteAddress', { value: address })
    names.set(socket, name)
    queue.add(socket)
    return socket
  }
  return { clock, queue, admitted, come }
}

test('ConnectionQueue lets a few in at a time, the next when one is set up', () => {
  const { queue, admitted, come } = setUp(2)
  const [first] = ['a', 'b', 'c', 'd'].map((name) => come(name, '::1'))
  assert.deepEqual(admitted, ['a', 'b'])
  if (first !== undefined) queue.settled(first)
  assert.deepEqual(admitted, ['a', 'b', 'c'])
  assert.deepEqual([queue.young, queue.waiting], [2, 1])
})

test('ConnectionQueue does not let who dawdles keep the others out', async () => {
  const { clock, admitted, come } = setUp(1)
  for (const name of ['slow', 'a', 'b']) come(name, '::1')
  await clock.advance(1000)
  assert.deepEqual(admitted, ['slow', 'a'])
  await clock.advance(1000)
  assert.deepEqual(admitted, ['slow', 'a', 'b'])
})

test('ConnectionQueue takes addresses in turn: a thousand connections of one do not come before one of another', () => {
  const { queue, admitted, come } = setUp(1)
  const first = come('first', 'many')
  for (let i = 0; i < 1000; i++) come(`many${i}`, 'many')
  come('other', 'one')
  queue.settled(first)
  const second = admitted.at(-1)
  assert.equal(second, 'many0')
  assert.deepEqual(admitted.length, 2)
})

test('ConnectionQueue closes what is beyond its bound, and forgets who gives up', () => {
  const { queue, admitted, come } = setUp(1, 2)
  const [first, gone, next, beyond] = ['a', 'b', 'c', 'd'].map((name) => come(name, '::1'))
  assert.equal(beyond?.destroyed, true)
  gone?.destroy()
  if (first !== undefined) queue.settled(first)
  assert.deepEqual(admitted, ['a', 'c'])
  assert.equal(next?.destroyed, false)
  queue[Symbol.dispose]()
})
