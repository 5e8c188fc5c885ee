import fc from 'fast-check'

/** Messages that are mostly as they should be, and then damaged: what two parsers may read in two ways. */

const tokens = ['a', 'X-Long-Name', 'accept', 'cookie', 'trailer', 'content-type']
const values = ['', 'b', ' b ', 'c d\t', 'a, b', '"q"', 'chunked', '5', '\xe9', 'close', 'x:y']

const plainField = fc
  .tuple(fc.constantFrom(...tokens), fc.constantFrom(':', ': ', ':\t '), fc.constantFrom(...values))
  .map((parts) => parts.join(''))

const oddField = fc.constantFrom(
  'Content-Length: 5',
  'Content-Length: 0',
  'content-length: 05',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'Transfer-Encoding: chunked',
  'transfer-encoding: Chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding : chunked',
  ' folded',
  'no colon',
  ': no name',
  'na me: x',
  'bare\rcr: x',
  'bare: c\rr',
  'bare: l\nf: x',
  'nul: a\0b',
  'Host: other',
  'host: books',
  'Connection: close',
  'Connection: keep-alive, a',
  'Connection: content-length',
  'Upgrade: x',
  'Expect: 100-continue',
  'Trailer: x',
  'TE: trailers',
)

const field = fc.oneof({ arbitrary: plainField, weight: 4 }, { arbitrary: oddField, weight: 1 })

const chunk = fc
  .tuple(
    fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom('a', '\r', '\n', '0', ' ') }),
    fc.constantFrom('', '', '', ';x', ';x=y', ';x="y"', ' ', '\t', '0'),
    fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r'),
  )
  .map(([data, extension, end]) => `${data.length.toString(16)}${extension}${end}${data}\r\n`)

const body = fc.oneof(
  fc.constant({ field: '', text: '' }),
  fc.constant({ field: 'Content-Length: 5\r\n', text: 'hello' }),
  fc
    .tuple(fc.array(chunk, { maxLength: 3 }), fc.array(plainField, { maxLength: 2 }))
    .map(([chunks, trailers]) => ({
      field: 'Transfer-Encoding: chunked\r\n',
      text: `${chunks.join('')}0\r\n${trailers.map((line) => `${line}\r\n`).join('')}\r\n`,
    })),
)

const end = fc.oneof(
  { arbitrary: fc.constant('\r\n'), weight: 20 },
  fc.constantFrom('\n', '\r', '\r\r\n', ' \r\n'),
)

const requestLine = fc
  .tuple(
    fc.constantFrom('GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'get', 'G ET', ''),
    fc.constantFrom(' ', ' ', ' ', '  ', '\t'),
    fc.constantFrom(
      '/',
      '/a?b=c',
      '*',
      'http://books/x',
      'http://other/',
      'books:80',
      '/a#b',
      '/\xe9',
      '//x',
      '/a\\b',
    ),
    fc.constantFrom(
      ' HTTP/1.1',
      ' HTTP/1.1',
      ' HTTP/1.1',
      ' HTTP/1.0',
      ' http/1.1',
      ' HTTP/1.2',
      ' HTTP/1.1 ',
      '',
    ),
  )
  .map((parts) => parts.join(''))

/** Whole requests, most of them fit to be read. */
export const request: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof({ arbitrary: fc.constantFrom('GET / HTTP/1.1', 'POST /a HTTP/1.1'), weight: 4 }, requestLine),
    fc.oneof(
      { arbitrary: fc.constantFrom('Host: books\r\n'), weight: 10 },
      fc.constantFrom('', 'host:books:80\r\n'),
    ),
    fc.array(field, { maxLength: 4 }),
    body,
    end,
  )
  .map(([line, host, fields, { field: framing, text }, last]) => {
    const lines = fields.map((each) => `${each}\r\n`).join('')
    return `${line}\r\n${host}${lines}${framing}${last}${text}`
  })

const statusLine = fc.constantFrom(
  'HTTP/1.1 200 OK',
  'HTTP/1.1 404',
  'HTTP/1.1 204 No',
  'HTTP/1.1 304 ',
  'HTTP/1.0 200 OK',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK',
  'HTTP/1.1 20 OK',
  'HTTP/1.1  200 OK',
  'HTTP/2.0 200 OK',
  'http/1.1 200 OK',
)

export const response: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof({ arbitrary: fc.constant('HTTP/1.1 200 OK'), weight: 3 }, { arbitrary: statusLine, weight: 1 }),
    fc.array(field, { maxLength: 4 }),
    body,
    end,
  )
  .map(([line, fields, { field: framing, text }, last]) => {
    const lines = fields.map((each) => `${each}\r\n`).join('')
    return `${line}\r\n${lines}${framing}${last}${text}`
  })

const wound = fc.record({
  at: fc.nat(400),
  remove: fc.nat(2),
  insert: fc.constantFrom(
    '',
    '\r',
    '\n',
    '\r\n',
    '\0',
    ' ',
    '\t',
    ':',
    ',',
    ';',
    '0',
    'f',
    'a',
    '\x7f',
    '\x80',
    '\r\n\r\n',
  ),
})

/** Messages one after the other, with up to three damaged places. */
export function damaged(messages: fc.Arbitrary<string>, maxMessages: number): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.array(messages, { minLength: 1, maxLength: maxMessages }),
      fc.oneof(
        { arbitrary: fc.constant([]), weight: 1 },
        { arbitrary: fc.array(wound, { maxLength: 3 }), weight: 2 },
      ),
    )
    .map(([parts, wounds]) => {
      let text = parts.join('')
      for (const { at, remove, insert } of wounds) {
        const place = at % (text.length + 1)
        text = text.slice(0, place) + insert + text.slice(place + remove)
      }
      return text
    })
}
