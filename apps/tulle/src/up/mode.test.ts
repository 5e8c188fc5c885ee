import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseMode } from './mode.ts'

const works = (): { code: number; stderr: string } => ({ code: 0, stderr: '' })

test('chooseMode() is root for root, without trying anything', () => {
  assert.equal(chooseMode({ platform: 'linux', uid: 0, tryUnshare: () => assert.fail('not needed') }), 'root')
})

test('chooseMode() is user where unshare works', () => {
  assert.equal(chooseMode({ platform: 'linux', uid: 1000, tryUnshare: works }), 'user')
})

test('chooseMode() says what is lacking and what to do', () => {
  assert.throws(
    () => chooseMode({ platform: 'darwin', uid: 501, tryUnshare: works }),
    /needs Linux .* found darwin/u,
  )
  assert.throws(
    () => chooseMode({ platform: 'linux', uid: 1000, tryUnshare: () => undefined }),
    /needs the program "unshare"/u,
  )
  const refused = (): { code: number; stderr: string } => ({
    code: 1,
    stderr: 'unshare: Operation not permitted',
  })
  assert.throws(
    () => chooseMode({ platform: 'linux', uid: 1000, tryUnshare: refused }),
    /refused one \(unshare: Operation not permitted\)/u,
  )
})
