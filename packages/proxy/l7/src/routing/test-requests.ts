import { Fields } from '@tulle/http1'
import type { HttpEntry, HttpFilter, HttpMatch, HttpRule, WeightedBackend } from '@tulle/traffic'
import type { RequestView } from './request-view.ts'

export function request(path: string, more: Partial<RequestView> = {}): RequestView {
  const [plain = '', query = ''] = path.split('?')
  return { method: 'GET', path: plain, query, host: 'books', fields: Fields.of([]), ...more }
}

export function rule(name: string, more: Partial<HttpRule> = {}): HttpRule {
  return {
    origin: { kind: 'static', namespace: 'test', name, rule: 0 },
    filters: [],
    backends: [backend(name)],
    noBackendStatus: 503,
    requestTimeoutMs: 0,
    attemptTimeoutMs: 0,
    ...more,
  }
}

export function backend(name: string, weight = 1, filters: readonly HttpFilter[] = []): WeightedBackend {
  return { backend: { kind: 'service', service: `test/${name}`, port: 80 }, weight, filters }
}

export function entry(match: Partial<HttpMatch>, to: HttpRule): HttpEntry {
  return { match: { methods: [], headers: [], query: [], ...match }, rule: to }
}

/** Whatever is asked goes to one cluster. */
export const toBackend: readonly HttpEntry[] = [entry({}, rule('back'))]
