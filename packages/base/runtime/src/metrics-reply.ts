import type { AdminReply, AdminRequest } from './admin-server.ts'
import { expositionContentTypes } from './open-metrics.ts'
import type { ExpositionFormat } from './open-metrics.ts'

const openMetrics = 'application/openmetrics-text'

/** What a scrape is answered: in OpenMetrics for who asks for that, else in the plain text that everybody reads. */
export function metricsReply(
  { accept }: Pick<AdminRequest, 'accept'>,
  text: (format: ExpositionFormat) => Iterable<string>,
): AdminReply {
  const format = wantsOpenMetrics(accept) ? 'openmetrics' : 'plain'
  return { kind: 'text', contentType: expositionContentTypes[format], text: text(format) }
}

/** @see RFC 9110 §12.5.1; a quality of 0 means "not this". */
function wantsOpenMetrics(accept: string): boolean {
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    return type === openMetrics && !parameters.some((parameter) => /^q=0(\.0*)?$/u.test(parameter))
  })
}
