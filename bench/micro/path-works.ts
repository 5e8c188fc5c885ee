import { normalisePath } from '@tulle/traffic'
import type { Work } from './micro-bench.ts'

/** What a request's path costs; beside it the parser of URLs that the runtime has, which resolves dots and refuses nothing. */
export function pathWorks(): readonly Work[] {
  return [
    reading('path, normal already', ['/v1/books/123/reviews', '/static/app.9f3a.png'], ours),
    reading('path, normal already, with a query', ['/v1/books?page=2&sort=title', '/search?q=mesh'], ours),
    reading('path to be rewritten', ['/v1/./books//%31%32/../9', '/a/%7euser/%c3%a9'], ours),
    reading(
      'path to be rewritten: URL of the runtime',
      ['/v1/./books//%31%32/../9', '/a/%7euser/%c3%a9'],
      native,
    ),
  ]
}

function ours(path: string): number {
  const result = normalisePath(path)
  return result.ok ? result.path.length : 0
}

function native(path: string): number {
  return new URL(path, 'http://a').pathname.length
}

function reading(name: string, paths: readonly string[], read: (path: string) => number): Work {
  return {
    name,
    step(count) {
      let length = 0
      for (let index = 0; index < count; index++) length += read(paths[index % paths.length] ?? '')
      return length
    },
  }
}
