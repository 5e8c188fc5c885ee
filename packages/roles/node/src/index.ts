/** The node proxy as a process: what wires the data path to the control plane, or to files. */
export type { CertificateView } from './config-dump.ts'
export type { TakeOverView } from './handover/take-over.ts'
export { listenerFile } from './listener-files.ts'
export type { ConnectionView, ProcessView } from './node-api.ts'
export type { NodeRoleDeps } from './node-role.ts'
export { nodeOptions, standaloneOptions } from './options.ts'
export type { NodeOptions, StandaloneOptions } from './options.ts'
export { runNode, runStandalone } from './run.ts'
