import assert from 'node:assert/strict'
import { test } from 'node:test'
import { http2Error } from '@tulle/http2'
import { StreamLink } from './stream-link.ts'
import { TestStream, TestUser } from './test-stream.ts'

const ended = async (): Promise<void> => new Promise((resolve) => queueMicrotask(resolve))

function receive(link: StreamLink, text: string): void {
  const bytes = Buffer.from(text)
  link.onData(bytes, 0, bytes.length)
}

test('what is written before there is a stream leaves with it, and the codec is told to go on', () => {
  const link = new StreamLink()
  const user = new TestUser()
  let done = 0
  link.attachUser(user)
  assert.equal(
    link.write(Buffer.from('early'), () => done++),
    false,
  )
  const stream = new TestStream()
  link.attachStream(stream)
  assert.deepEqual([stream.sent, done, user.drains], ['early', 1, 1])
  assert.equal(link.write(Buffer.from(' more'), undefined), true)
  assert.deepEqual([stream.sent, user.drains], ['early more', 1])
})

test('no more is sent than the window takes; the rest follows, and then the end', () => {
  const link = new StreamLink()
  const user = new TestUser()
  const stream = new TestStream(3)
  link.attachUser(user)
  link.attachStream(stream)
  assert.equal(link.write(Buffer.from('abcdef'), undefined), false)
  link.end()
  assert.deepEqual([stream.sent, stream.ended], ['abc', false])
  stream.window = 2
  link.onWritable()
  assert.deepEqual([stream.sent, user.drains], ['abcde', 0])
  stream.window = 10
  link.onWritable()
  assert.deepEqual([stream.sent, stream.ended, user.drains], ['abcdef', true, 1])
})

test('while the codec pauses, bytes are held and give no credit', () => {
  const link = new StreamLink()
  const user = new TestUser()
  const stream = new TestStream()
  link.attachUser(user)
  link.attachStream(stream)
  receive(link, 'one')
  link.pauseReading()
  receive(link, 'two')
  link.onEnd()
  assert.deepEqual([user.text, stream.credit, user.ends], ['one', 3, 0])
  link.resumeReading()
  assert.deepEqual([user.text, stream.credit, user.ends], ['onetwo', 6, 1])
})

test('what comes before the codec waits for it', () => {
  const link = new StreamLink()
  const user = new TestUser()
  link.attachStream(new TestStream())
  receive(link, 'early')
  link.onEnd()
  link.attachUser(user)
  assert.deepEqual([user.text, user.ends], ['early', 1])
})

test('each half ends by itself, and with both the link is closed', async () => {
  const link = new StreamLink()
  const user = new TestUser()
  const stream = new TestStream()
  link.attachUser(user)
  link.attachStream(stream)
  link.onEnd()
  assert.equal(link.closed, false)
  link.write(Buffer.from('still'), undefined)
  link.end()
  assert.deepEqual([stream.sent, stream.ended, link.closed], ['still', true, true])
  await ended()
  assert.equal(user.closes, 1)
})

test('destroyed, it resets its stream, also one that comes later, and frees what waited', async () => {
  const link = new StreamLink()
  const user = new TestUser()
  let done = 0
  link.attachUser(user)
  link.write(Buffer.from('never'), () => done++)
  link.destroy()
  link.destroy()
  const stream = new TestStream()
  link.attachStream(stream)
  assert.deepEqual([stream.sent, stream.resetWith, done], ['', http2Error.cancel, 1])
  await ended()
  assert.equal(user.closes, 1)
})

test('a stream that is reset while it is written to settles each write once', async () => {
  const link = new StreamLink()
  const user = new TestUser()
  const stream = new TestStream()
  let done = 0
  stream.onSend = () => link.onReset(http2Error.cancel)
  link.attachUser(user)
  link.attachStream(stream)
  link.write(Buffer.from('x'), () => done++)
  assert.equal(done, 1)
  await ended()
  assert.equal(user.closes, 1)
})
