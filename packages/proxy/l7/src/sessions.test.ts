import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must, systemClock } from '@tulle/core'
import { Fields } from '@tulle/http1'
import { parseIpAddress } from '@tulle/mesh'
import { ServiceResilience } from './resilience.ts'
import { Sessions } from './sessions.ts'
import type { SessionKeeper } from './sessions.ts'
import { TurnBalancer } from './plane/test-proxy.ts'
import type { Cluster, UpstreamSpec } from './upstream/cluster.ts'

const keyAt = (i: number): string => `10.0.0.1:${i + 1}`

const cluster: Cluster = {
  service: 'test/back',
  port: 80,
  balancer: new TurnBalancer(
    Array.from({ length: 200 }, (_, i): UpstreamSpec => {
      const ip = must(parseIpAddress('10.0.0.1'))
      return { key: keyAt(i), ip, port: i + 1, ready: true, protocol: 'http1' }
    }),
  ),
  resilience: new ServiceResilience({}, systemClock),
  connect: () => undefined,
}

function keeper(): SessionKeeper {
  const session = { kind: 'cookie', name: 'stay', absoluteTimeoutMs: 0 } as const
  return new Sessions(new Uint8Array(32), systemClock).keeperOf(session, 'test')
}

const find = (of: SessionKeeper, cookie: string): string | undefined =>
  of.find(Fields.of(['cookie', cookie]), [cluster])?.endpoint

/** Made by a keeper of its own, as another worker would. */
function tokenFor(endpoint: string): string {
  const fields = Fields.of([])
  keeper().mark({ cluster, endpoint }, fields)
  return /^stay=([^;]*);/u.exec(fields.get('set-cookie') ?? '')?.[1] ?? assert.fail()
}

test('a session is found among other cookies, however they stand', () => {
  const token = tokenFor(keyAt(7))
  const found = [
    `stay=${token}`,
    `a=b; stay=${token}`,
    `a=b;stay=${token} ;c=d`,
    `stay=nothing;\t stay=${token}`,
  ]
  for (const cookie of found) assert.equal(find(keeper(), cookie), keyAt(7), cookie)
  for (const cookie of [`xstay=${token}`, `a=stay=${token}`, `a=b stay=${token}`, `stay=${token}x`, `stay=`])
    assert.equal(find(keeper(), cookie), undefined, cookie)
})

test('thousands of made-up sessions in one request cost no look at each endpoint for each of them', () => {
  let looks = 0
  const counted: Cluster = {
    ...cluster,
    get balancer() {
      looks++
      return cluster.balancer
    },
  }
  const made = `stay=${'A'.repeat(40)};`.repeat(3000)
  assert.equal(keeper().find(Fields.of(['cookie', made]), [counted]), undefined)
  assert.equal(looks, 1)
})

test('a session behind eight others that are not ours is not looked at', () => {
  const made = `stay=${'A'.repeat(40)};`
  const ours = `stay=${tokenFor(keyAt(7))}`
  assert.equal(find(keeper(), `${made.repeat(7)}${ours}`), keyAt(7))
  assert.equal(find(keeper(), `${made.repeat(8)}${ours}`), undefined)
})
