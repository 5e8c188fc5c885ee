/** What a peer says in a CONNECT: whatever it is, an answer, and nothing in it that is longer or other than it may be. */
import { formatAuthority, parseAuthority, parseBaggage, parseConnect, parseForwarded } from '@tulle/hbone'
import { parseIpAddress } from '@tulle/mesh'
import { parseTraceparent } from '@tulle/trace-context'
import { ensure } from '../target.ts'
import type { FuzzTarget } from '../target.ts'

const lines = (...list: readonly string[]): Uint8Array => Buffer.from(list.join('\n'), 'latin1')

const texts = [
  ':authority',
  'baggage',
  'forwarded',
  'traceparent',
  'CONNECT',
  '[fd00::1]:443',
  '::ffff:10.0.0.1',
  'k8s.pod.name=',
  'for="',
  ';host=',
  '\\"',
  '%2',
  '%ff',
  ',',
  ';',
  '=',
  '00-',
  '-01',
]

/** A name and a value a line, as a peer's header list would have them. */
function headersOf(input: Uint8Array): string[] {
  const list = Buffer.from(input).toString('latin1').split('\n')
  if (list.length % 2 === 1) list.push('')
  return list
}

/** Reads one text as each of the fields. */
function readText(text: string): readonly string[] {
  const marks: string[] = []
  const authority = parseAuthority(text)
  if (authority.ok) {
    const said = formatAuthority(authority.value)
    const again = parseAuthority(said)
    ensure(again.ok && formatAuthority(again.value) === said, () => `authority ${text}`)
    marks.push(authority.value.kind)
  }
  const forwarded = parseForwarded(text)
  if (forwarded !== undefined) marks.push('forwarded')
  const client = forwarded?.client
  if (client !== undefined) {
    const { address, port = 1 } = client
    ensure(parseIpAddress(address).ok && port >= 1 && port <= 65_535, () => `forwarded ${text}`)
    marks.push('client')
  }
  const trace = parseTraceparent(text)
  if (trace !== undefined) {
    ensure(/^[0-9a-f]{32}$/u.test(trace.traceId), () => `traceparent ${text}`)
    marks.push('trace')
  }
  return marks
}

export const connectFields: FuzzTarget = {
  name: 'connect-fields',
  about: 'authority, baggage, forwarded and traceparent give bounded facts or none',
  seeds: [
    lines(
      ':method',
      'CONNECT',
      ':authority',
      '10.0.0.1:80',
      'baggage',
      'k8s.cluster.name=Kubernetes,k8s.namespace.name=shop,k8s.deployment.name=web,service.name=web',
      'forwarded',
      'for="10.0.0.1:4242";host=books.shop.svc.cluster.local',
      'traceparent',
      '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'x-forwarded-network',
      'remote',
    ),
    lines(
      ':method',
      'CONNECT',
      ':authority',
      '[::ffff:10.0.0.1]:65535',
      'forwarded',
      'for=[::1];host="a\\"b"',
    ),
    lines(
      ':method',
      'CONNECT',
      ':authority',
      'Books.Shop.svc:1',
      'baggage',
      'service.name=%41;p=1, k8s.job.name=%zz',
    ),
  ],
  words: texts.map((text) => Buffer.from(text, 'latin1')),
  maxBytes: 2000,
  run(input) {
    const headers = headersOf(input)
    const marks: string[] = []
    for (const text of headers) marks.push(...readText(text))
    const baggage = parseBaggage(headers)
    for (const value of Object.values(baggage)) ensure(value.length <= 256, () => 'a long value in baggage')
    const request = parseConnect(headers)
    marks.push(Object.keys(baggage).join('+'), request.ok ? 'request' : request.error.message.slice(0, 24))
    return marks.join()
  },
}
