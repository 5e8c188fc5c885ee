import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  hboneHttp2,
  hbonePort,
  inboundConnectionMark,
  isLegalTargetPort,
  proxySocketMark,
} from './constants.ts'

// research/ambient.md §1.4 step 4 and §1.10.
test('isLegalTargetPort refuses the ports of the proxy itself', () => {
  assert.deepEqual(
    [15_000, 15_001, 15_006, hbonePort, 15_020, 80].filter((port) => !isLegalTargetPort(port)),
    [15_001, 15_006, 15_008],
  )
})

// research/ambient.md §4.1.
test('marks are those of the redirection rules', () => {
  assert.deepEqual(
    [proxySocketMark, inboundConnectionMark],
    [
      { mark: 1337, mask: 4095 },
      { mark: 273, mask: 4095 },
    ],
  )
})

// research/ambient.md §1.6.
test('hboneHttp2 has the numbers of ztunnel', () => {
  assert.deepEqual(hboneHttp2, {
    streamWindowBytes: 4_194_304,
    sessionWindowBytes: 16_777_216,
    maxFrameBytes: 1_048_576,
    clientMaxHeaderListBytes: 16_384,
    serverMaxHeaderListBytes: 65_536,
    maxConcurrentStreams: 200,
    maxStreamsPerSession: 100,
    pingIntervalMs: 10_000,
    pingTimeoutMs: 20_000,
    unusedSessionMs: 300_000,
  })
})
