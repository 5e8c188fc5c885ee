import nodeAssert from 'node:assert/strict'
import { test } from 'node:test'
import { assert, unreachable } from './assert.ts'
import { errorCode, errorText, MeshError } from './mesh-error.ts'
import { err, must, ok } from './result.ts'

test('MeshError keeps its code, its context and its cause', () => {
  const cause = new Error('ECONNREFUSED')
  const error = new MeshError('XDS_LOST', 'the stream ended', { cause, context: { node: 'a' } })
  nodeAssert.deepEqual(
    [error.code, error.context, error.cause, error.name],
    ['XDS_LOST', { node: 'a' }, cause, 'MeshError'],
  )
  nodeAssert.ok(!('cause' in new MeshError('X', 'y')))
})

test('errorText tells the causes too, of whatever was thrown', () => {
  const error = new Error('outer', { cause: new Error('inner', { cause: 'innermost' }) })
  nodeAssert.equal(errorText(error), 'outer: inner: innermost')
  nodeAssert.equal(errorText('plain'), 'plain')
  nodeAssert.equal(errorText(undefined), 'undefined')
})

test('errorCode finds a text code and nothing else', () => {
  nodeAssert.equal(errorCode(Object.assign(new Error('x'), { code: 'EPIPE' })), 'EPIPE')
  nodeAssert.equal(errorCode(new MeshError('A', 'b')), 'A')
  for (const none of [new Error('x'), { code: 7 }, null, undefined, 'EPIPE'])
    nodeAssert.equal(errorCode(none), '')
})

test('must gives the value, and throws what is wrong', () => {
  nodeAssert.equal(must(ok(1)), 1)
  nodeAssert.throws(() => must(err('no port')), /no port/u)
})

test('assert and unreachable throw, saying which invariant broke', () => {
  assert(true, 'fine')
  nodeAssert.throws(() => assert(false, 'one writer'), /invariant broken: one writer/u)
  // A cast stands for data that does not keep to its type.
  nodeAssert.throws(() => unreachable('x' as never), /unreachable: "x"/u)
})
