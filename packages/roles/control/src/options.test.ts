import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOptions } from '@tulle/runtime'
import { controlOptions } from './options.ts'

test('controlOptions have defaults for all but the manifests', () => {
  const parsed = parseOptions(controlOptions, { argv: ['--manifests', 'shop'], env: {} })
  assert.deepEqual(parsed, {
    ok: true,
    value: {
      manifests: 'shop',
      state: '.tulle',
      listenHost: '127.0.0.1',
      listenPort: 15_012,
      trustDomain: undefined,
      workloadRange: { address: '10.77.0.0', prefixBits: 16 },
      nodes: ['local'],
      nodeTokenTtl: 3_600_000,
      certificateTtl: 86_400_000,
      maxRequestSize: 16_777_216,
      waypointDrain: 30_000,
      drainDeadline: 5000,
      logLevel: 'info',
    },
  })
  assert.equal(parseOptions(controlOptions, { argv: [], env: {} }).ok, false)
})

test('controlOptions take no node name that could leave its folder', () => {
  for (const name of ['..', 'a/b', '', '-x', 'a b']) {
    const parsed = parseOptions(controlOptions, {
      argv: ['--manifests', 'x', '--nodes', `n1,${name}`],
      env: {},
    })
    assert.equal(parsed.ok, false, name)
  }
})
