import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'

/** Where spans go, and of how many requests. */
export interface TracingSettings {
  /** URL of an OTLP/HTTP receiver, with its path; or `unix:` with the path of its socket. */
  readonly endpoint: string
  /** Of the requests that come without a decision, 0–100. */
  readonly samplingPercent: number
}

const maxPercent = 100
const maxUrlLength = 2048
/** A path of 107 bytes at most. @see unix(7) */
const unixSocket = /^unix:\/[!-~]{1,106}$/u

/** From what somebody wrote, or a control plane sent. */
export function parseTracing(endpoint: string, samplingPercent: number): Result<TracingSettings> {
  const url = tracesUrl(endpoint)
  if (!url.ok) return url
  if (!(samplingPercent >= 0 && samplingPercent <= maxPercent))
    return err(`found ${samplingPercent} as a percentage of requests; expected 0–${maxPercent}`)
  return ok({ endpoint: url.value, samplingPercent })
}

/**
 * The URL that spans are sent to, or `unix:` with the path of a socket that has them at `/v1/traces`: an endpoint without a path means `/v1/traces` of it. @see OpenTelemetry Protocol Exporter,
 * endpoint URLs for OTLP/HTTP
 */
export function tracesUrl(endpoint: string): Result<string> {
  if (unixSocket.test(endpoint)) return ok(endpoint)
  const url = endpoint.length > maxUrlLength ? null : URL.parse(endpoint)
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    return err(
      `found ${quote(endpoint)}; expected the URL of an OTLP/HTTP receiver, such as http://10.0.0.7:4318, or unix:/PATH of its socket`,
    )
  if (url.username !== '' || url.password !== '')
    return err('found a user name or password in the URL; expected none: objects and logs are read by many')
  if (url.search !== '' || url.hash !== '')
    return err(`found ${quote(endpoint)}; expected a URL without a query and without a fragment`)
  if (url.port === '0') return err(`found port 0 in ${quote(endpoint)}; expected 1–65535`)
  if (url.pathname === '/') url.pathname = '/v1/traces'
  return ok(url.href)
}

function quote(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text)
}
