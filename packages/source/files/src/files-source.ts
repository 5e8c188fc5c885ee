import { parseManifests } from '@tulle/api'
import { FilesComponent } from './files-component.ts'
import type { FilesOptions, FilesSource } from './files-component.ts'

/** The manifests of a folder, a file or standard input, kept up to date once it is started. */
export function filesSource(options: FilesOptions): FilesSource {
  return new FilesComponent(options, parseManifests)
}
