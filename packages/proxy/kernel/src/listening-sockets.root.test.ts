import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listenerFacts } from './listening-sockets.ts'
import { closeFd, currentNetns, newNetns } from './netns.ts'
import { listenTcp, openTcpSocket } from './sockets.ts'

test('case 40: listenerFacts() tells whether a socket listens, where, and in which namespace', () => {
  const netns = newNetns()
  const here = currentNetns()
  const listener = listenTcp({ netns, address: '::', port: 15_008, reusePort: true })
  const other = openTcpSocket({ netns, family: 4 })
  assert.deepEqual(listenerFacts(listener, netns), {
    listening: true,
    address: { address: '::', port: 15_008 },
    sameNetns: true,
  })
  assert.equal(listenerFacts(listener, here).sameNetns, false)
  assert.equal(listenerFacts(other, netns).listening, false)
  for (const fd of [netns, here, listener, other]) closeFd(fd)
})
