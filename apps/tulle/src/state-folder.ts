import { existsSync, mkdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { CommandError, exitCodes } from './exit-codes.ts'

/** Where everything that a mesh on this machine keeps or opens lies. Safe to delete while no mesh runs. */
export interface StateFolder {
  readonly root: string
  readonly controlSocket: string
  readonly upSocket: string
  readonly controlRoots: string
  readonly tokenKey: string
  readonly lock: string
  readonly hosts: string
  /** Where workloads without namespaces are listened for; there only in a mesh without them. */
  readonly listeners: string
  readonly logs: string
  node(name: string): NodeFolder
}

export interface NodeFolder {
  readonly root: string
  readonly token: string
  readonly adminSocket: string
  readonly zdsSocket: string
  /** Where a node's next proxy asks the one that runs for its listening sockets. */
  readonly handoverSocket: string
  /** Where its proxy leaves its listening sockets for the next one. */
  readonly keeperSocket: string
  /** Keys and certificates: `tulle up` mounts a tmpfs here. */
  readonly secrets: string
}

export const defaultStateFolder = '.tulle'

/** The kernel's limit on the path of a unix socket, without the closing NUL. @see unix(7) */
const maxSocketPathBytes = 107

export function stateFolder(path: string): StateFolder {
  const root = resolve(path)
  const at = (...parts: string[]): string => join(root, ...parts)
  const nodeAt = (name: string): NodeFolder => ({
    root: at('nodes', name),
    token: at('nodes', name, 'token'),
    adminSocket: socketPath(at('nodes', name, 'admin.sock')),
    zdsSocket: socketPath(at('nodes', name, 'zds.sock')),
    handoverSocket: socketPath(at('nodes', name, 'handover.sock')),
    keeperSocket: socketPath(at('nodes', name, 'keeper.sock')),
    secrets: at('nodes', name, 'secrets'),
  })
  return {
    root,
    controlSocket: socketPath(at('control.sock')),
    upSocket: socketPath(at('up.sock')),
    controlRoots: at('control-roots.pem'),
    tokenKey: at('tokens.key'),
    lock: at('lock'),
    hosts: at('hosts'),
    listeners: at('listeners'),
    logs: at('logs'),
    node: nodeAt,
  }
}

/** Makes the folder for its owner alone; what lies in it can sign for the whole mesh. */
export function makePrivate(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
}

export function requireRunning(state: StateFolder): void {
  if (existsSync(state.controlSocket)) return
  throw new CommandError(
    exitCodes.notRunning,
    `no mesh is running here: expected its sockets in ${state.root}, found none; start one with "tulle up -f DIR", or say where it is with --state`,
  )
}

/** As the kernel takes it: relative to the working directory where the whole path would be too long. */
function socketPath(path: string): string {
  if (Buffer.byteLength(path) <= maxSocketPathBytes) return path
  const short = relative(process.cwd(), path)
  if (Buffer.byteLength(short) <= maxSocketPathBytes) return short
  throw new CommandError(
    exitCodes.usage,
    `the state folder's path is too long for unix sockets (${maxSocketPathBytes} bytes): ${path}; choose a shorter one with --state`,
  )
}
