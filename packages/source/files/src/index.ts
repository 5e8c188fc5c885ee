/**
 * Manifests of a folder, a file or standard input as collections. What was good stays in force while its document
 * is broken; what can't be read is a problem with its place.
 */
export type { FilesOptions, FilesSource } from './files-component.ts'
export { filesSource } from './files-source.ts'
export { filesLimits } from './limits.ts'
export type { FilesLimits } from './limits.ts'
export type { FilesCode } from './problems.ts'
