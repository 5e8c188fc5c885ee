import type { Answer, BackendLook, Explanation, RouteLook } from '@tulle/outputs'
import type { Style } from '../output/style.ts'

/** Which waypoint the call goes through, or why through none. */
export function waypointText({ waypoint }: Explanation, style: Style): readonly string[] {
  if (waypoint === undefined) return []
  const { name, used, why } = waypoint
  return [`  waypoint    ${used ? `${name}: ${why}` : style.warn(`not through ${name}: ${why}`)}`]
}

/** What routes make of a request. */
export function requestText({ request, waypoint }: Explanation, style: Style): readonly string[] {
  if (request === undefined) return []
  const { method, host, path, route, filters, limits, backends, answer, misses } = request
  const isUsed = waypoint?.used === true
  const heading = isUsed ? 'Way of the request' : 'Way of the request, if a waypoint read it'
  const lines = [
    `  request     ${method} ${path}, host ${host}`,
    `  route       ${route === undefined ? style.dim(noRoute(request.answer)) : routeText(route, style)}`,
    ...filters.map((text) => `  filter      ${text}`),
    ...limits.map((text) => `  limit       ${text}`),
    ...backends.flatMap((backend) => backendTexts(backend, style)),
    ...(answer === undefined ? [] : [`  answer      ${answerText(answer, style)}`]),
  ]
  const near = misses.flatMap((miss) => [
    `  ${style.dim('×')} ${routeText(miss, style)}`,
    ...miss.why.map((why) => `      ${why}`),
  ])
  return [
    '',
    heading,
    ...lines,
    ...(near.length === 0 ? [] : ['', 'Nearest routes that do not cover it', ...near]),
  ]
}

function noRoute(answer: Answer | undefined): string {
  return answer === undefined
    ? 'none is written for these callers: it goes to the endpoints of what is called'
    : 'none'
}

function routeText({ object, rule, ruleName, origin, match }: RouteLook, style: Style): string {
  const name = ruleName === undefined ? '' : ` (${ruleName})`
  return `${object} rule ${rule}${name}: ${match} ${placeText(origin, style)}`.trimEnd()
}

function backendTexts(
  { target, sharePercent, filters, tls, allowed, answer }: BackendLook,
  style: Style,
): readonly string[] {
  const said =
    answer !== undefined ? `: ${answerText(answer, style)}` : allowed ? '' : `: ${style.bad('refused there')}`
  return [
    `  backend     ${sharePercent} % ${target}${said}`,
    ...[...filters, ...(tls === undefined ? [] : [tls])].map((text) => `              ${text}`),
  ]
}

function answerText({ status, why }: Answer, style: Style): string {
  return `${status >= 400 ? style.bad(String(status)) : status} ${why}`
}

export function placeText(
  origin: { readonly file: string; readonly line: number; readonly column: number } | undefined,
  style: Style,
): string {
  return origin === undefined ? '' : style.dim(`${origin.file}:${origin.line}:${origin.column}`)
}
