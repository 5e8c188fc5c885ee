import { parseSync } from 'rolldown/utils'

const location = /new URL\('(\.[^']+)', import\.meta\.url\)/g

/**
 * The source with each `new URL('./…', import.meta.url)` as `placeOf` has it, given what the URL says. What comments say
 * is not meant: nobody runs it.
 */
export function replaceLocations(file: string, code: string, placeOf: (path: string) => string): string {
  const matches = [...code.matchAll(location)]
  if (matches.length === 0) return code
  const { comments, errors } = parseSync(file, code)
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message ?? ''}`)
  const isComment = (at: number): boolean => comments.some(({ start, end }) => start <= at && at < end)
  return code.replaceAll(location, (all, path: string, at: number) =>
    isComment(at) ? all : `new URL('${placeOf(path)}', import.meta.url)`,
  )
}
