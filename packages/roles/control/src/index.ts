/** The control plane: from a folder of manifests to configuration, certificates and status. */
export { controlRole } from './control-role.ts'
export type { ControlDeps, ControlRole } from './control-role.ts'
export type { RevocationView, RevokeView, RotationView } from './identity-routes.ts'
export { controlOptions } from './options.ts'
export type { ControlOptions, ControlOptionTable } from './options.ts'
export { stateFiles } from './state-folder.ts'
export type { StateFiles } from './state-folder.ts'
