import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBaggage, parseBaggage } from './baggage.ts'
import type { BaggageFacts } from './baggage.ts'

const empty: BaggageFacts = {
  kubeCluster: '',
  namespace: '',
  workloadType: 'pod',
  workloadName: '',
  canonicalName: '',
  canonicalRevision: '',
}

test('encodeBaggage leaves empty values out', () => {
  assert.equal(encodeBaggage(empty), '')
  assert.equal(encodeBaggage({ ...empty, canonicalName: 'web' }), 'service.name=web')
})

for (const workloadType of ['deployment', 'cronjob', 'pod', 'job'] as const) {
  test(`encodeBaggage and parseBaggage name a ${workloadType} by k8s.${workloadType}.name`, () => {
    const header = encodeBaggage({ ...empty, workloadType, workloadName: 'w' })
    assert.equal(header, `k8s.${workloadType}.name=w`)
    assert.deepEqual(parseBaggage([header]), { workloadType, workloadName: 'w' })
  })
}

test('encodeBaggage lets no value end its item or the header', () => {
  const hostile = 'a,service.name=evil;b\r\nx: y%'
  const header = encodeBaggage({ ...empty, namespace: hostile })
  assert.match(header, /^k8s\.namespace\.name=[\x21-\x7e]+$/u)
  assert.deepEqual(parseBaggage([header]), { namespace: hostile })
})

test('parseBaggage merges several headers and ignores unknown keys', () => {
  assert.deepEqual(parseBaggage(['k8s.namespace.name=a,color=red', 'service.name = b ;p=1']), {
    namespace: 'a',
    serviceName: 'b',
  })
})

test('parseBaggage takes a value that only looks percent-encoded as it is', () => {
  assert.deepEqual(parseBaggage(['service.name=100%']), { serviceName: '100%' })
})

test('parseBaggage leaves out values, headers and items beyond its limits', () => {
  assert.deepEqual(parseBaggage([`service.name=${'a'.repeat(257)}`]), {})
  assert.deepEqual(parseBaggage([`service.name=a,${'x'.repeat(9000)}`]), {})
  assert.deepEqual(parseBaggage([`${'a=b,'.repeat(64)}service.name=late`]), {})
})

test('parseBaggage has no keys but its own', () => {
  assert.deepEqual(parseBaggage(['__proto__=x,constructor=y,toString=z']), {})
})
