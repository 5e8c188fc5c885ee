/** As `tulle bench` has them. */
export { farIp, makeTwoNamespaces, nearIp } from '../../apps/tulle/src/bench/two-namespaces.ts'
export type { TwoNamespaces } from '../../apps/tulle/src/bench/two-namespaces.ts'
