import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Case, RequestStep } from './lib/case.ts'
import { cases, notMetByTulle } from './cases/index.ts'
import { binomialBand } from './lib/band.ts'
import { differ, differInHeaders, differOneOf } from './lib/differences.ts'
import type { MeshDriver } from './lib/driver.ts'
import type { Explained } from './lib/explained.ts'
import { isAsExpected, reportOf } from './lib/report.ts'
import { runCases } from './lib/run-cases.ts'
import type { Answer } from './workload/protocol.ts'

test('cases have unique names, say what they prove and where that is written, and do something', () => {
  assert.equal(new Set(cases.map(({ id }) => id)).size, cases.length)
  for (const { id, proves, spec, steps } of cases) {
    assert.match(id, /^[a-z-]+\/[a-z0-9-]+$/u)
    assert.ok(proves !== '' && spec !== '' && steps.length > 0, id)
  }
})

test('only cases that are there are known not to be met', () => {
  const ids = new Set(cases.map(({ id }) => id))
  assert.deepEqual(
    Object.keys(notMetByTulle).filter((id) => !ids.has(id)),
    [],
  )
})

test('binomialBand() is exact for none and all, and narrows with the number of draws', () => {
  assert.deepEqual(binomialBand(500, 0), { least: 0, most: 0 })
  assert.deepEqual(binomialBand(500, 1), { least: 500, most: 500 })
  // 4.9 deviations of 10.25 around 350.
  assert.deepEqual(binomialBand(500, 0.7), { least: 300, most: 400 })
  const { least, most } = binomialBand(3000, 2 / 3)
  assert.ok(least > 1870 && most < 2130)
})

test('differ() and its kin find what is not as expected, and nothing else', () => {
  assert.deepEqual(differ('status', 200, 200), [])
  assert.equal(differ('status', 200, 404).length, 1)
  assert.deepEqual(differOneOf('status', [200, 204], 204), [])
  assert.equal(differOneOf('status', [200, 204], 403).length, 1)
  const found = [
    ['X-One', 'a'],
    ['x-one', 'b'],
  ] as const
  assert.deepEqual(differInHeaders('answer', { 'x-one': 'a, b', 'x-two': null }, found), [])
  assert.equal(differInHeaders('answer', { 'x-one': 'a' }, found).length, 1)
  assert.equal(differInHeaders('answer', { 'x-one': null }, found).length, 1)
  assert.equal(differInHeaders('answer', { 'x-two': '' }, found).length, 1)
})

/** A mesh that answers every request so. */
function meshThatAnswers(answer: Partial<Answer>): MeshDriver {
  const whole: Answer = {
    status: 200,
    headers: [],
    trailers: [],
    body: '',
    error: '',
    localPort: 1,
    ...answer,
  }
  return {
    name: 'a mesh of a test',
    apply: async () => [],
    call: async () => whole,
    calls: async (_from, { count }) => ({ '200 mesh/app-b': count }),
    received: async () => [],
    tcp: async () => ({ by: '', error: 'closed' }),
    tcpAlive: async () => false,
    udp: async () => false,
    conditions: async () => [{ type: 'Accepted', status: 'False', reason: 'Conflicted' }],
    addressOf: async () => '192.0.2.1',
    [Symbol.asyncDispose]: async () => undefined,
  }
}

async function verdictOf(
  steps: Case['steps'],
  { answer = {}, notMet = {} }: { answer?: Partial<Answer>; notMet?: Record<string, string> } = {},
): Promise<string | undefined> {
  const one: Case = { id: 'a/case', proves: 'nothing', spec: 'none', steps }
  const options = { driver: meshThatAnswers(answer), seed: 1, nowMs: () => 0, notMet }
  return (await runCases([one], options))[0]?.verdict
}

const wants = (expect: RequestStep['expect']): RequestStep => ({ kind: 'request', ask: {}, expect })

test('runCases() tells what is met from what is not, whether that is known or not', async () => {
  const known = { notMet: { 'a/case': 'known' } }
  assert.equal(await verdictOf([wants({ status: 200 })]), 'passed')
  assert.equal(await verdictOf([wants({ status: 404 })]), 'failed')
  assert.equal(await verdictOf([wants({ status: 404 })], known), 'not-met')
  assert.equal(await verdictOf([wants({ status: 200 })], known), 'met')
})

test('runCases() takes no answer for one that nobody compared: target, version, Location and who answered', async () => {
  const location = [['location', 'http://elsewhere.example/']] as const
  assert.equal(await verdictOf([wants({ status: 200, by: 'mesh/app-b' })]), 'failed')
  assert.equal(await verdictOf([wants({ status: 200, target: '/' })]), 'failed')
  assert.equal(await verdictOf([wants({ status: 200, version: '2.0' })]), 'failed')
  const expect = { status: 200, headers: { location: 'http://here.example/' } }
  assert.equal(await verdictOf([wants(expect)]), 'failed')
  assert.equal(await verdictOf([wants(expect)], { answer: { headers: location } }), 'failed')
  const received = {
    by: 'mesh/app-b',
    port: 8080,
    version: '1.1',
    method: 'GET',
    target: '/other',
    authority: 'app-svc',
    headers: [],
    body: '',
  } as const
  assert.equal(await verdictOf([wants({ status: 200, target: '/' })], { answer: { received } }), 'failed')
  assert.equal(
    await verdictOf([wants({ status: 200, target: '/other' })], { answer: { received } }),
    'passed',
  )
})

test('runCases() holds what a mesh explains of a case of SMI against what happens', async () => {
  const received = {
    by: 'mesh/app-b',
    port: 8080,
    version: '1.1',
    method: 'GET',
    target: '/',
    authority: 'app-svc',
    headers: [],
    body: '',
  } as const
  const reached = { status: 200, received }
  const refused = { status: 403 }
  const verdict = async (answer: Partial<Answer>, explained: Partial<Explained>): Promise<unknown> => {
    const explain = async (): Promise<Explained> => ({
      allowed: true,
      isRead: true,
      summary: '',
      by: [],
      ...explained,
    })
    const driver = { ...meshThatAnswers(answer), explain }
    const steps = [wants({ status: [200, 403, 503, 0] })]
    const one: Case = { id: 'smi/case', proves: 'nothing', spec: 'none', steps }
    const options = { driver, seed: 1, nowMs: () => 0, notMet: {} }
    return (await runCases([one], options))[0]?.verdict
  }
  assert.equal(await verdict(reached, { by: ['mesh/app-b', 'mesh/app-c'] }), 'passed')
  assert.equal(await verdict(reached, { by: ['mesh/app-c'] }), 'failed')
  assert.equal(await verdict(reached, { allowed: false, by: ['mesh/app-b'] }), 'failed')
  assert.equal(await verdict(refused, { allowed: false }), 'passed')
  assert.equal(await verdict(refused, { allowed: false, isRead: false }), 'failed')
  assert.equal(await verdict({ status: 0 }, { allowed: false, isRead: false }), 'passed')
  assert.equal(await verdict({ status: 0 }, { allowed: false }), 'failed')
  assert.equal(await verdict(refused, { by: ['mesh/app-b'] }), 'failed')
  assert.equal(await verdict({ status: 503 }, { allowed: false }), 'failed')
  assert.equal(await verdict({ status: 503 }, { allowed: false, status: 503 }), 'passed')
  const headers = [['grpc-status', '7']] as const
  assert.equal(await verdict({ status: 200, headers }, { allowed: false }), 'passed')
})

test('runCases() holds shares, connections and conditions against what is expected', async () => {
  const all = { kind: 'share', ask: {}, atLeast: 100, shares: { '200 mesh/app-b': 1 } } as const
  assert.equal(await verdictOf([all]), 'passed')
  assert.equal(await verdictOf([{ ...all, shares: { '200 mesh/app-b': 0.7 } }]), 'failed')
  assert.equal(await verdictOf([{ ...all, shares: {} }]), 'failed')
  assert.equal(await verdictOf([{ kind: 'tcp', to: 'app-b:9090', by: 'mesh/app-b' }]), 'failed')
  assert.equal(await verdictOf([{ kind: 'tcp', to: 'app-b:9090', by: null }]), 'passed')
  const of = 'HTTPRoute mesh/route'
  const holds = (Accepted: string | null): Promise<string | undefined> =>
    verdictOf([{ kind: 'condition', of, conditions: { Accepted } }])
  assert.equal(await holds('False Conflicted'), 'passed')
  assert.equal(await holds('False'), 'passed')
  assert.equal(await holds('True'), 'failed')
  assert.equal(await holds('False Other'), 'failed')
  assert.equal(await holds(null), 'failed')
  assert.equal(await verdictOf([{ kind: 'apply', manifests: [], faulty: true }]), 'failed')
})

test('reportOf() counts verdicts; only failures and surprises are not as expected', async () => {
  const options = { driver: meshThatAnswers({}), seed: 1, nowMs: () => 0, notMet: {} }
  const good: Case = { id: 'a/good', proves: 'x', spec: 'y', steps: [wants({ status: 200 })] }
  const bad: Case = { id: 'a/bad', proves: 'x', spec: 'y', steps: [wants({ status: 500 })] }
  const report = async (cases: readonly Case[], notMet: Record<string, string> = {}): Promise<boolean> =>
    isAsExpected(
      reportOf({ mesh: 'm', seed: 1, uncovered: [], cases: await runCases(cases, { ...options, notMet }) }),
    )
  assert.equal(await report([good]), true)
  assert.equal(await report([good, bad]), false)
  assert.equal(await report([good, bad], { 'a/bad': 'known' }), true)
  assert.equal(await report([good], { 'a/good': 'known' }), false)
})
