import type { HttpEntry, HttpMatch, HttpRule } from '@tulle/traffic'
import { fieldsOf } from './routed-request.ts'
import type { RoutedRequest } from './routed-request.ts'

export function request(path: string, more: Partial<RoutedRequest> = {}): RoutedRequest {
  const [plain = '', query = ''] = path.split('?')
  return { method: 'GET', path: plain, query, host: 'books', fields: fieldsOf([]), ...more }
}

export function rule(name: string): HttpRule {
  return {
    origin: { kind: 'static', namespace: 'test', name, rule: 0 },
    filters: [],
    backends: [{ backend: { kind: 'service', service: `test/${name}`, port: 80 }, weight: 1, filters: [] }],
    noBackendStatus: 503,
    requestTimeoutMs: 0,
    attemptTimeoutMs: 0,
  }
}

export function entry(match: Partial<HttpMatch>, to: HttpRule): HttpEntry {
  return { match: { methods: [], headers: [], query: [], ...match }, rule: to }
}
