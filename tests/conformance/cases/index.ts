import type { Case } from '../lib/case.ts'
import type { Uncovered } from '../lib/report.ts'
import { backendCases } from './gateway-backends.ts'
import { bindingCases } from './gateway-binding.ts'
import { matchingCases } from './gateway-matching.ts'

export const cases: readonly Case[] = [...bindingCases, ...matchingCases, ...backendCases]
export const notMetByTulle: Readonly<Record<string, string>> = {}
export const uncovered: readonly Uncovered[] = []
