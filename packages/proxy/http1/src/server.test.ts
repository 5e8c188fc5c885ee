import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'

import { answer, ServerBench } from './test-support.ts'

const get = 'GET /a?b=c HTTP/1.1\r\nHost: books\r\nX-One: 1\r\n\r\n'

test('a server reads a request, answers it and takes the next', async () => {
  const bench = new ServerBench()
  bench.send(get)
  const { head, exchange, handler, end } = bench.last()
  deepEqual(
    [head.method, head.authority, head.path, head.version, end],
    ['GET', 'books', '/a?b=c', '1.1', true],
  )
  deepEqual(head.fields.list(), ['x-one', '1'])
  deepEqual(handler.take(), ['end'])
  exchange.respond(answer(200, 'content-length', '2'), false)
  exchange.sendCopy(Buffer.from('hi'), 0, 2)
  exchange.endWithTrailers()
  equal(await bench.answers(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi')
  bench.send(get)
  equal(bench.seen.length, 2)
  bench.last().exchange.respond(answer(404), true)
  equal(await bench.answers(), 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n')
})

test('a server hands on payload in chunks, with trailers', () => {
  const bench = new ServerBench()
  bench.send(
    'POST / HTTP/1.1\r\nHost: books\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 6\r\n\r\n',
    3,
  )
  deepEqual(bench.last().handler.take(), ['data hello!', 'end [x-sum=6]'])
})
