import { connectionFields, Fields } from '@tulle/http1'
import type { RequestHead, ResponseHead } from '@tulle/http1'
import type { HeaderList } from '@tulle/http2'

/**
 * From a checked list of HTTP/2 to a head that may leave in any version, and back. Pseudo-header fields come first and once each,
 * names are tokens in lower case, values have no CR, LF or NUL: the engine refused everything else (RFC 9113 §8.2, §8.3).
 */
export function readRequestHead(headers: HeaderList, scheme: 'http' | 'https'): RequestHead | undefined {
  const [pseudo, from] = readPseudo(headers)
  const list = endToEnd(headers, from)
  const host = list.host
  const authority = pseudo.get(':authority') ?? host ?? ''
  // RFC 9113 §8.3.1: where both are there they say the same; two readings of it are not for us to choose from.
  if (authority === '' || (host !== undefined && host !== authority)) return undefined
  const protocol = pseudo.get(':protocol')
  const method = pseudo.get(':method') ?? ''
  return {
    method: protocol === undefined ? method : 'GET',
    scheme,
    authority,
    path: pseudo.get(':path') ?? '',
    fields: Fields.of(list.fields),
    version: '2',
    protocol: protocol?.toLowerCase(),
  }
}

export function writeRequestHead(head: RequestHead): HeaderList {
  const { method, scheme, authority, path, fields, protocol } = head
  const start =
    protocol === undefined
      ? [':method', method, ':scheme', scheme, ':authority', authority, ':path', path]
      : [
          ':method',
          'CONNECT',
          ':protocol',
          protocol,
          ':scheme',
          scheme,
          ':authority',
          authority,
          ':path',
          path,
        ]
  pushFields(start, fields)
  // gRPC servers ask for it; it was for the connection that it came by, and so left there (RFC 9110 §10.1.4).
  if (fields.get('content-type')?.startsWith('application/grpc') === true) start.push('te', 'trailers')
  return start
}

export function readResponseHead(headers: HeaderList): ResponseHead {
  const [pseudo, from] = readPseudo(headers)
  return { status: Number(pseudo.get(':status') ?? 0), fields: Fields.of(headers, from) }
}

export function writeResponseHead(status: number, fields: Fields): HeaderList {
  const list = [':status', `${status}`]
  pushFields(list, fields)
  return list
}

export function writeTrailers(fields: Fields): HeaderList {
  fields.keepTrailers()
  const list: string[] = []
  pushFields(list, fields)
  return list
}

function pushFields(list: string[], fields: Fields): void {
  fields.forEach((name, value) => {
    if (!connectionFields.has(name)) list.push(name, value)
  })
}

function readPseudo(headers: HeaderList): readonly [ReadonlyMap<string, string>, number] {
  const pseudo = new Map<string, string>()
  let at = 0
  for (; at < headers.length && headers[at]?.charCodeAt(0) === 0x3a; at += 2)
    pseudo.set(headers[at] ?? '', headers[at + 1] ?? '')
  return [pseudo, at]
}

/** Without the host and `te`; crumbs of a cookie become one field again (RFC 9113 §8.2.3). */
function endToEnd(
  headers: HeaderList,
  from: number,
): { readonly fields: HeaderList; readonly host: string | undefined } {
  const fields: string[] = []
  let host: string | undefined
  let cookieAt = -1
  for (let i = from; i < headers.length; i += 2) {
    const [name = '', value = ''] = [headers[i], headers[i + 1]]
    if (name === 'host') host = host === undefined ? value : `${host},${value}`
    else if (name === 'cookie' && cookieAt >= 0) fields[cookieAt] = `${fields[cookieAt] ?? ''}; ${value}`
    else if (name !== 'te') {
      if (name === 'cookie') cookieAt = fields.length + 1
      fields.push(name, value)
    }
  }
  return { fields, host }
}
