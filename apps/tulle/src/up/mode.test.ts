import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseMode, modeHeadline } from './mode.ts'

const works = (): { code: number; stderr: string } => ({ code: 0, stderr: '' })

test('chooseMode() is root for root, without trying anything', () => {
  const machine = { platform: 'linux', uid: 0, tryUnshare: () => assert.fail('not needed') } as const
  for (const wanted of ['auto', 'namespaces'] as const) assert.equal(chooseMode(machine, wanted).mode, 'root')
})

test('chooseMode() is user where unshare works', () => {
  assert.equal(chooseMode({ platform: 'linux', uid: 1000, tryUnshare: works }, 'auto').mode, 'user')
})

test('chooseMode() says what is lacking and what to do', () => {
  assert.throws(
    () => chooseMode({ platform: 'darwin', uid: 501, tryUnshare: works }, 'auto'),
    /needs Linux .* found darwin/u,
  )
  assert.throws(
    () => chooseMode({ platform: 'linux', uid: 1000, tryUnshare: () => undefined }, 'namespaces'),
    /needs the program "unshare"/u,
  )
  const refused = (): { code: number; stderr: string } => ({
    code: 1,
    stderr: 'unshare: Operation not permitted',
  })
  assert.throws(
    () => chooseMode({ platform: 'linux', uid: 1000, tryUnshare: refused }, 'namespaces'),
    /refused one \(unshare: Operation not permitted\)/u,
  )
})

test('chooseMode() falls back to loopback, and the first line says that this is advice, and why', () => {
  const headline = (tryUnshare: () => { code: number; stderr: string } | undefined): string =>
    modeHeadline(chooseMode({ platform: 'linux', uid: 1000, tryUnshare }, 'auto'))
  const advisory = 'refusals are advisory, any local process can go around the mesh'
  assert.equal(
    headline(() => undefined),
    `loopback (there is no program "unshare"): ${advisory}`,
  )
  assert.equal(
    headline(() => ({ code: 1, stderr: 'not permitted' })),
    `loopback (this machine refuses user namespaces): ${advisory}`,
  )
})

test('chooseMode() takes loopback where it is asked for, also as root', () => {
  const machine = { platform: 'linux', uid: 0, tryUnshare: () => assert.fail('not needed') } as const
  assert.deepEqual(chooseMode(machine, 'loopback'), { mode: 'loopback', why: 'asked for' })
})
