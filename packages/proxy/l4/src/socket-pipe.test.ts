import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LastServed } from '@tulle/tunnel'
import { CopyBuffers } from './copy-buffers.ts'
import { SocketPipe } from './socket-pipe.ts'

test('case 26: what goes through as it came counts for its workload, copied or handed over, either way', () => {
  const thread = new LastServed()
  const neighbour = thread.workload()
  const buffers = new CopyBuffers()
  const pipe = new SocketPipe(buffers, thread.workload(), () => undefined)
  neighbour.othersServed()
  for (const half of [pipe.caller, pipe.destination]) {
    half.copy(Buffer.from('bytes'), 0, 5)
    assert.equal(neighbour.othersServed(), true)
    const slab = buffers.slabs.take(5)
    half.take(slab, 5)
    assert.equal(neighbour.othersServed(), true)
    assert.equal(neighbour.othersServed(), false)
    buffers.slabs.give(slab)
  }
})
