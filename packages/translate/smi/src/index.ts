/**
 * The Service Mesh Interface: TrafficTargets and the routes that they refer to become policies, as design §9
 * settles what the text leaves open. Pure: one object and a look in, the model and the conditions out.
 */
export { denyByDefault, modePolicies, strictMtls } from './mode-policies.ts'
export { derivePolicies } from './policies.ts'
export type { PolicyInputs, PolicyModel } from './policies.ts'
export type { ResolvedRule } from './resolve-rules.ts'
export { accountKey } from './subjects.ts'
export type { Account } from './subjects.ts'
export { targetPorts } from './target-ports.ts'
export type { PortReading, TargetPorts } from './target-ports.ts'
export { translateTarget } from './traffic-target.ts'
export type { TargetInputs, TargetTranslation } from './traffic-target.ts'
export { deriveSplits } from './splits.ts'
export type { SplitModel, TakenPorts } from './splits.ts'
export type { SplitPort, SplitTranslation } from './split-types.ts'
