import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { toBackend } from '../routing/test-requests.ts'
import { TestProxy } from './test-proxy.ts'
import { EndlessBackend, kernelBytes, SlowReader } from './test-slow-reader.ts'

/** Of a body without end, what one reader who stands still may make the proxy hold. */
const maxHeldBytes = 2 * 1024 * 1024
/** Read fast before that, so that windows have grown as far as they do. */
const fastBytes = 48 * 1024 * 1024

const turnOfLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Resolves when a value has been the same for so many turns of the loop. */
async function settled(read: () => number, turns: number): Promise<number> {
  let last = read()
  for (let same = 0; same < turns;) {
    await turnOfLoop()
    const now = read()
    same = now === last ? same + 1 : 0
    last = now
  }
  return last
}

/** The bytes in the proxy when nothing moves any more. */
async function heldBytes(
  backend: EndlessBackend,
  reader: SlowReader,
  ports: readonly number[],
): Promise<number> {
  while (reader.readBytes < fastBytes) await turnOfLoop()
  // Asking the kernel takes long where it has many sockets: not while anything moves.
  await settled(() => backend.sentBytes + reader.readBytes, 200)
  // It acknowledges what it has late, and counts it on both sides until then.
  return settled(() => backend.sentBytes - reader.readBytes - kernelBytes(ports), 40)
}

for (const upstream of ['http1', 'http2'] as const) {
  for (const client of ['http1', 'http2'] as const) {
    test(`a reader who stands still in a large body, from ${upstream} to ${client}, holds less than 2 MiB`, async () => {
      await using backend = await EndlessBackend.listen(upstream)
      await using proxy = await TestProxy.start({
        entries: toBackend,
        clusters: { 'test/back': [backend.port] },
        protocol: client === 'http1' ? 'http' : 'http2',
        upstream,
        // Time stands still: no window is drained faster, and each grows as far as it may.
        clock: new TestClock(),
      })
      using reader = new SlowReader(proxy.port, client, fastBytes)
      const held = await heldBytes(backend, reader, [backend.port, proxy.port])
      assert.ok(held < maxHeldBytes, `${held} bytes are held`)
      // And something is: otherwise this would have looked at nothing.
      assert.ok(held > 32 * 1024, `${held} bytes are held`)
    })
  }
}
