import type { HttpMatch } from '@tulle/traffic'
import { fieldsOf } from './routed-request.ts'
import type { RoutedRequest } from './routed-request.ts'

export function request(path: string, more: Partial<RoutedRequest> = {}): RoutedRequest {
  const [plain = '', query = ''] = path.split('?')
  return { method: 'GET', path: plain, query, host: 'books', fields: fieldsOf([]), ...more }
}

export function matching(match: Partial<HttpMatch>): HttpMatch {
  return { methods: [], headers: [], query: [], ...match }
}
