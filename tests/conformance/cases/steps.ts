import type { ApplyStep, Ask, ConditionStep, Manifest, RequestStep, TcpStep } from '../lib/case.ts'

/** Steps as cases are read: who asks what, and what comes of it. */

type Expect = RequestStep['expect']

/** Answered by the backend `by`, with 200. */
export function answered(
  ask: Ask,
  by: string | readonly string[],
  expect: Partial<Expect> = {},
): RequestStep {
  return { kind: 'request', ask, expect: { status: 200, by: qualify(by), ...expect } }
}

/** Answered by the mesh itself. */
export function refused(
  ask: Ask,
  status: number | readonly number[],
  expect: Partial<Expect> = {},
): RequestStep {
  return { kind: 'request', ask, expect: { status, by: null, ...expect } }
}

export function again(step: RequestStep, times: number): RequestStep {
  return { ...step, times }
}

export function greeted(to: string, by: string | readonly string[], from: string = 'mesh/app-a'): TcpStep {
  return { kind: 'tcp', to, by: qualify(by), from }
}

export function closed(to: string, from: string = 'mesh/app-a'): TcpStep {
  return { kind: 'tcp', to, by: null, from }
}

export function apply(...manifests: readonly Manifest[]): ApplyStep {
  return { kind: 'apply', manifests }
}

/** The mesh finds fault with these documents; in which words is its own affair. */
export function faulty(...manifests: readonly Manifest[]): ApplyStep {
  return { kind: 'apply', manifests, faulty: true }
}

export function condition(
  of: string,
  conditions: ConditionStep['conditions'],
  parent?: number,
): ConditionStep {
  return { kind: 'condition', of, conditions, ...(parent === undefined ? {} : { parent }) }
}

function qualify(by: string | readonly string[]): string | readonly string[] {
  const full = (one: string): string =>
    one.includes('/') || one.startsWith('same as ') ? one : `mesh/${one}`
  return typeof by === 'string' ? full(by) : by.map(full)
}

export const both: readonly string[] = ['app-b', 'app-c']
