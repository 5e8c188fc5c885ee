import type { Case } from '../lib/case.ts'
import { backendTlsCases } from './gateway-backend-tls.ts'
import { backendCases } from './gateway-backends.ts'
import { bindingCases } from './gateway-binding.ts'
import { corsCases } from './gateway-cors.ts'
import { filterCases } from './gateway-filters.ts'
import { grpcCases } from './gateway-grpc.ts'
import { matchingCases } from './gateway-matching.ts'
import { redirectCases } from './gateway-redirects.ts'
import { resilienceCases } from './gateway-resilience.ts'
import { statusCases } from './gateway-status.ts'
import { streamCases } from './gateway-streams.ts'
import { smiAccessCases } from './smi-access.ts'
import { smiExplainedCases } from './smi-explained.ts'
import { smiSplitCases } from './smi-split.ts'
import { smiSuiteCases } from './smi-suite.ts'
import { trafficPolicyCases } from './traffic-policies.ts'

export { notMetByTulle, uncovered } from './not-met.ts'

export const cases: readonly Case[] = [
  ...bindingCases,
  ...matchingCases,
  ...backendCases,
  ...backendTlsCases,
  ...filterCases,
  ...redirectCases,
  ...corsCases,
  ...resilienceCases,
  ...trafficPolicyCases,
  ...grpcCases,
  ...streamCases,
  ...statusCases,
  ...smiSuiteCases,
  ...smiAccessCases,
  ...smiSplitCases,
  ...smiExplainedCases,
]
