import { labelValuesOf } from './label-text.ts'
import { widthOf } from './metrics-snapshot.ts'
import type {
  Exemplar,
  FamilyShape,
  FamilySnapshot,
  MetricsSlice,
  MetricsSnapshot,
} from './metrics-snapshot.ts'
import { nextTurn } from './next-turn.ts'
import { expositionChunks } from './open-metrics.ts'
import type { ExposedSeries, ExpositionFormat } from './open-metrics.ts'

interface MergedFamily {
  readonly shape: FamilyShape
  /** Label text to where its numbers are. */
  readonly places: Map<string, number>
  readonly values: number[]
  /** By where the bucket's number is. */
  readonly exemplars: Map<number, Exemplar>
}

/** Sums series with the same name and labels: counters and histograms of several threads, and gauges likewise. */
export class MergedMetrics implements MetricsSnapshot {
  readonly #families: Map<string, MergedFamily> = new Map()

  add(slice: MetricsSlice): void {
    const { shape, texts, values, exemplars = [] } = slice
    const family = this.#family(shape)
    const width = widthOf(shape)
    for (const [i, text] of texts.entries()) {
      const place = family.places.get(text)
      if (place === undefined) family.places.set(text, family.values.length)
      for (let n = 0; n < width; n++) {
        const value = values[i * width + n] ?? 0
        if (place === undefined) family.values.push(value)
        else family.values[place + n] = (family.values[place + n] ?? 0) + value
      }
    }
    for (const { series, bucket, ...exemplar } of exemplars) {
      const place = (family.places.get(texts[series] ?? '') ?? 0) + bucket
      const known = family.exemplars.get(place)
      if (known === undefined || known.timeMs <= exemplar.timeMs) family.exemplars.set(place, exemplar)
    }
  }

  /** Everything decoded: for few series. */
  get families(): readonly FamilySnapshot[] {
    return Array.from(this.#families.values(), ({ shape, places, values }) => ({
      ...shape,
      series: Array.from(places, ([text, place]) => {
        return { labels: labelValuesOf(text), values: values.slice(place, place + widthOf(shape)) }
      }),
    }))
  }

  /** The exposition in chunks of about 32 KiB, each made when it is asked for. */
  text(format: ExpositionFormat = 'openmetrics'): Generator<string> {
    return expositionChunks(
      this.#families.values().map((family) => ({ shape: family.shape, series: exposed(family) })),
      format,
    )
  }

  #family(shape: FamilyShape): MergedFamily {
    const known = this.#families.get(shape.name)
    if (known !== undefined) return known
    const family = { shape, places: new Map<string, number>(), values: [], exemplars: new Map() }
    this.#families.set(shape.name, family)
    return family
  }
}

function* exposed({ places, values, exemplars }: MergedFamily): Generator<ExposedSeries> {
  for (const [text, place] of places) yield { text, values, place, exemplars }
}

/** Merges what several registries have, a slice in each turn of the event loop, so that no connection waits for it. */
export async function mergeMetrics(
  ...sources: readonly (Iterable<MetricsSlice> | AsyncIterable<MetricsSlice>)[]
): Promise<MergedMetrics> {
  const merged = new MergedMetrics()
  await Promise.all(
    sources.map(async (source) => {
      for await (const slice of source) {
        merged.add(slice)
        if (slice.texts.length > 0) await nextTurn()
      }
    }),
  )
  return merged
}
