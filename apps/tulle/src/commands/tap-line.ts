import type { TappedRequest } from '@tulle/waypoint'
import type { Style } from '../output/style.ts'

/** One request in one line: when, who, what, where it went, what came of it, and by which rule. */
export function tapLine(request: TappedRequest, style: Style): string {
  const { time, method, host, path, service, backend, endpoint, durationMs, attempts } = request
  const who = sourceName(request.identity) ?? `${request.address} (no identity)`
  const to = [serviceName(backend ?? service), ...(endpoint === undefined ? [] : [endpoint])].join(' ')
  const repeated = attempts > 1 ? style.warn(` (${attempts} attempts)`) : ''
  return [
    style.dim(time.slice(11, 23)),
    who,
    style.strong(method),
    `${host}${path}`,
    '→',
    to,
    statusText(request, style),
    `${durationMs} ms${repeated}`,
    outcome(request, style),
  ].join(' ')
}

/** `shop/reader` of `spiffe://td/ns/shop/sa/reader`. */
export function sourceName(identity: string | undefined): string | undefined {
  const match = /^spiffe:\/\/[^/]+\/ns\/(?<namespace>[^/]+)\/sa\/(?<account>[^/]+)$/u.exec(identity ?? '')
  return match === null ? identity : `${match.groups?.['namespace']}/${match.groups?.['account']}`
}

/** `shop/books` of `shop/books.shop.svc.cluster.local`. */
export function serviceName(service: string): string {
  const [namespace = '', hostname] = service.split('/')
  const suffix = `.${namespace}.svc.cluster.local`
  return hostname?.endsWith(suffix) === true ? `${namespace}/${hostname.slice(0, -suffix.length)}` : service
}

function statusText({ status, grpcStatus }: TappedRequest, style: Style): string {
  const text = `${status === 0 ? 'gone' : status}${grpcStatus === undefined ? '' : ` grpc ${grpcStatus}`}`
  if (status >= 500 || status === 0) return style.bad(text)
  return status >= 400 ? style.warn(text) : style.good(text)
}

function outcome(request: TappedRequest, style: Style): string {
  const { verdict, policy, wouldRefuse, reason, route, flags } = request
  const why = [
    ...(policy === undefined ? [] : [`by ${policy}`]),
    ...(reason === undefined ? [] : [reason]),
    ...(flags === '-' ? [] : [flags]),
  ].join(' ')
  const said = verdict === 'allowed' ? verdict : style.bad(verdict)
  const audit = wouldRefuse === undefined ? '' : style.warn(` (would be refused by ${wouldRefuse})`)
  return `${[said, why].filter((text) => text !== '').join(' ')}${audit}${route === undefined ? '' : style.dim(` ${route}`)}`
}
