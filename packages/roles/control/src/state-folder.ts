import { chmodSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** Where things lie in a state folder. Everything is private: folders 0700, files 0600. */
export interface StateFiles {
  readonly folder: string
  readonly caFolder: string
  readonly tokenKey: string
  readonly allocations: string
  /** How often the control plane was started on this folder. */
  readonly history: string
  readonly controlSocket: string
  /** Roots by which nodes verify the control plane's TLS. */
  readonly controlRoots: string
  node(name: string): NodeFiles
}

export interface NodeFiles {
  readonly folder: string
  readonly token: string
  readonly adminSocket: string
  readonly zdsSocket: string
}

export function stateFiles(folder: string): StateFiles {
  const root = resolve(folder)
  return {
    folder: root,
    caFolder: join(root, 'ca'),
    tokenKey: join(root, 'tokens.key'),
    allocations: join(root, 'allocations.json'),
    history: join(root, 'history'),
    controlSocket: join(root, 'control.sock'),
    controlRoots: join(root, 'control-roots.pem'),
    node: (name) => {
      const nodeFolder = join(root, 'nodes', name)
      return {
        folder: nodeFolder,
        token: join(nodeFolder, 'token'),
        adminSocket: join(nodeFolder, 'admin.sock'),
        zdsSocket: join(nodeFolder, 'zds.sock'),
      }
    },
  }
}

/**
 * Makes a folder that only we can enter; one that is there already is closed to others. At once: a start makes a
 * thousand of them.
 */
export function makePrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
}
