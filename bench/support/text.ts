import { spreadOf } from './statistics.ts'
import type { Spread } from './statistics.ts'

/** Three digits, thousands as k. */
export function numberText(value: number): string {
  if (Math.abs(value) >= 10_000) return `${(value / 1000).toFixed(1)}k`
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

/** Median (least–greatest); a dash where there is nothing. */
export function spreadText(values: readonly number[] | undefined): string {
  if (values === undefined || values.length === 0) return '–'
  const { median, min, max } = spreadOf(values)
  return `${numberText(median)} (${numberText(min)}–${numberText(max)})`
}

export function ratioSpread({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`
}
