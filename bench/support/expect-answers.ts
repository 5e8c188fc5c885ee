import type { Series } from './rounds.ts'

/** Of the answers: above this share a rate is one of refusals. */
const mostErrors = 0.01

/** Throws where nothing came through, or, on a path that `isJudged`, other answers than wanted did; each measurement took `seconds`. */
export function expectAnswers(
  all: readonly Series[],
  seconds: number,
  isJudged: (path: string) => boolean,
): void {
  const failed = all.filter(({ path, measurements }) =>
    measurements.some(
      ({ rate, errors }) => !(rate > 0) || (isJudged(path) && errors > mostErrors * rate * seconds),
    ),
  )
  if (failed.length === 0) return
  const names = failed.map(({ path, work }) => `${work} on ${path}`).join(', ')
  throw new Error(`nothing came through, or other answers than wanted: ${names}`)
}
