import type { Routes } from '@tulle/traffic'
import type { Age } from '@tulle/workloads'
import type { SubjectProblem } from './subjects.ts'

/** A TrafficSplit, read; whether it holds depends on what else there is for the same service. */
export interface SplitTranslation {
  readonly key: string
  /** `TrafficSplit bookstore/canary`. */
  readonly label: string
  readonly age: Age
  readonly generation?: number
  /** `namespace/hostname`; absent where it is for no service that can have one. */
  readonly service?: string
  /** By the service's ports, in their order. */
  readonly ports: readonly SplitPort[]
  /** Why it is for nothing. */
  readonly refused?: { readonly reason: string } & SubjectProblem
  /** What does not resolve, and counts as not there. */
  readonly refs: readonly ({ readonly reason: string } & SubjectProblem)[]
  /** What is to be known of it although it holds. */
  readonly hints: readonly ({ readonly reason: string } & SubjectProblem)[]
}

export interface SplitPort {
  readonly port: number
  readonly routes: Routes
}
