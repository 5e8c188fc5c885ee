import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { showFirstBytes } from './first-bytes.ts'
import type { FirstBytesHandlers } from './first-bytes.ts'
import { resetSocket } from './node-handles.ts'
import { PlainListener } from './plain-listener.ts'
import type { PlainSocket } from './plain-socket.ts'
import { listenTcp, localAddress } from './sockets.ts'
import { Kept } from './testing/plain-pair.ts'

/** A caller, and what a listener has of it. */
async function pair(): Promise<{ readonly caller: Socket; readonly accepted: PlainSocket }> {
  const fd = listenTcp({ address: '127.0.0.1', port: 0 })
  const port = localAddress(fd)?.port ?? 0
  const accepted = Promise.withResolvers<PlainSocket>()
  using _listener = new PlainListener(fd, { onConnection: accepted.resolve, onError: accepted.reject })
  const caller = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
  caller.on('error', () => undefined)
  await once(caller, 'connect')
  return { caller, accepted: await accepted.promise }
}

/** What was shown, and a wait for the next of it. */
function looking(accepted: PlainSocket) {
  const shown: string[] = []
  let next = Promise.withResolvers<void>()
  const tell = (text: string): void => {
    shown.push(text)
    next.resolve()
    next = Promise.withResolvers()
  }
  const handlers: FirstBytesHandlers = {
    onBytes: (bytes) => tell(bytes.toString('latin1')),
    onEnd: () => tell('(end)'),
  }
  return { shown, more: () => next.promise, look: showFirstBytes(accepted, handlers) }
}

test('showFirstBytes shows all that is there whenever there is more, and leaves it to who reads next', async () => {
  const { caller, accepted } = await pair()
  const { shown, more, look } = looking(accepted)
  for (const piece of ['one ', 'two ', 'three']) {
    const shownNow = more()
    caller.write(piece)
    await shownNow
  }
  assert.deepEqual(shown, ['one ', 'one two ', 'one two three'])
  look[Symbol.dispose]()
  caller.end('!')
  const kept = new Kept()
  accepted.attach(kept)
  await kept.until(({ ends }) => ends > 0)
  assert.equal(kept.text, 'one two three!')
  assert.equal(shown.length, 3)
  accepted.destroy()
})

for (const [how, end, bytes] of [
  ['ends', (caller: Socket) => caller.end(), 'some'],
  ['ends at once', (caller: Socket) => caller.end(), ''],
  ['resets', resetSocket, 'some'],
] as const) {
  test(`showFirstBytes tells that the peer ${how}`, async () => {
    const { caller, accepted } = await pair()
    const { shown, more, look } = looking(accepted)
    if (bytes !== '') {
      const shownNow = more()
      caller.write(bytes)
      await shownNow
    }
    const ended = more()
    end(caller)
    await ended
    assert.deepEqual(shown, bytes === '' ? ['(end)'] : ['some', '(end)'])
    look[Symbol.dispose]()
    accepted.destroy()
    caller.destroy()
  })
}

test('showFirstBytes throws for a closed socket', async () => {
  const { caller, accepted } = await pair()
  accepted.destroy()
  caller.destroy()
  assert.throws(() => looking(accepted), { code: 'KERNEL_EBADF' })
})
