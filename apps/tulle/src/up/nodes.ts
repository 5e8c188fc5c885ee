import { writeFileSync } from 'node:fs'
import { loadTokenKey, mintNodeToken } from '@tulle/ca'
import type { TokenKey } from '@tulle/ca'
import { errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { socketKeeper, zdsServer } from '@tulle/kernel'
import type { NetnsFd, SocketKeeper, ZdsServer } from '@tulle/kernel'
import type { Launch } from '@tulle/status'
import { proxyHeap } from '../heap-settings.ts'
import { makePrivate } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'
import type { Console } from './console.ts'
import type { Fabric, NodePlace } from './fabric.ts'
import { flagList, roleProcess } from './role-process.ts'
import type { RoleProcess } from './role-process.ts'
import type { Supervised } from './supervised.ts'
import { upgradeNode } from './upgrade-node.ts'
import type { UpgradeEvent, UpgradeOptions } from './upgrade-node.ts'

/** A node of the mesh: its network, its proxy, and the socket that tells the proxy which workloads it has. */
export interface UpNode {
  readonly name: string
  readonly network: NodePlace
  readonly proxy: Supervised
  /** Has another process take over from the proxy; tells how that goes. Ends with an error in the last event. */
  upgrade(options: UpgradeOptions): AsyncIterable<UpgradeEvent>
  /** Resolves when the proxy serves the workload. */
  enrol(launch: Launch, netns: NetnsFd, signal: AbortSignal): Promise<void>
  /** Resolves when the proxy has let go of the workload and told its peers, or does not answer in time. */
  dismiss(launch: Launch): Promise<void>
}

export interface NodesOptions {
  readonly state: StateFolder
  readonly main: string
  readonly controlPort: number
  readonly nodeArgs: readonly string[]
  readonly fabric: Fabric
  /** What starts processes that end with this one, where no namespace ends them. */
  readonly launcher?: string
}

export interface NodesDeps {
  readonly console: Console
  readonly clock: Clock
}

const tokenTtlMs = 3_600_000
/** The time of day may jump, and a token's times with it. */
const tokenLookMs = 5000
const proxyGraceMs = 7000
const dismissWithinMs = 2000
const secretsMaxBytes = 64 * 1024 ** 2

/** The nodes that the manifests name, made when the first workload wants one. */
export class Nodes {
  readonly #options: NodesOptions
  readonly #deps: NodesDeps
  readonly #nodes: Map<string, Promise<UpNode>> = new Map()
  readonly #zds: ZdsServer[] = []
  readonly #keepers: SocketKeeper[] = []
  readonly #renewing: Disposable[] = []
  #tokenKey: Promise<TokenKey> | undefined
  /** As the control plane says when it serves; nodes are made after that. */
  trustDomain: string = ''

  constructor(options: NodesOptions, deps: NodesDeps) {
    this.#options = options
    this.#deps = deps
  }

  ensure(name: string): Promise<UpNode> {
    const known = this.#nodes.get(name)
    if (known !== undefined) return known
    const made = this.#make(name, this.#nodes.size)
    this.#nodes.set(name, made)
    return made
  }

  list(): Promise<readonly UpNode[]> {
    return Promise.all(this.#nodes.values())
  }

  async stopAll(): Promise<void> {
    for (const renewal of this.#renewing) renewal[Symbol.dispose]()
    const nodes = await this.list()
    await Promise.all(nodes.map((node) => node.proxy.stop(proxyGraceMs)))
    for (const keeper of this.#keepers) keeper[Symbol.dispose]()
    await Promise.all(this.#zds.map((server) => server[Symbol.asyncDispose]()))
  }

  async #make(name: string, index: number): Promise<UpNode> {
    const folder = this.#options.state.node(name)
    makePrivate(folder.root)
    makePrivate(folder.secrets)
    this.#options.fabric.keepInMemory(folder.secrets, secretsMaxBytes)
    await this.keepToken(name, folder.token)
    const zds = zdsServer({ path: folder.zdsSocket })
    this.#zds.push(zds)
    const { clock, console } = this.#deps
    const onRefused = (reason: string): void =>
      console.warn(name, `its listening sockets are not kept: ${reason}`)
    const keeper = socketKeeper({ path: folder.keeperSocket, node: name, clock, onRefused })
    this.#keepers.push(keeper)
    const network = this.#options.fabric.createNode(index)
    const proxy = this.#proxy(name, network)
    proxy.start()
    return {
      name,
      network,
      proxy,
      upgrade: (options) =>
        upgradeNode(options, {
          name,
          proxy,
          adminSocket: folder.adminSocket,
          main: this.#options.main,
          args: (workers) => this.#args(name, withWorkers(this.#options.nodeArgs, workers)),
          clock: this.#deps.clock,
        }),
      enrol: ({ uid, namespace, name: workload, serviceAccount }, netns, signal) =>
        zds.add({ uid, namespace, name: workload, serviceAccount, netns }, { signal }),
      dismiss: async (launch) => {
        const removed = zds
          .remove(launch.uid)
          .catch((error: unknown) =>
            this.#deps.console.warn(name, `did not let go of ${launch.name}: ${errorText(error)}`),
          )
        const late = Promise.withResolvers<void>()
        using _timer = this.#deps.clock.after(dismissWithinMs, () => late.resolve())
        await Promise.race([removed, late.promise])
        keeper.drop(launch.uid)
      },
    }
  }

  #proxy(name: string, { netns }: NodePlace): RoleProcess {
    const { state, main, launcher } = this.#options
    const args = this.#args(name, this.#options.nodeArgs)
    const place = {
      ...(netns === undefined ? {} : { netns }),
      ...(launcher === undefined ? {} : { launcher }),
    }
    return roleProcess({ name, args, main, heap: proxyHeap, logs: state.logs, ...place }, this.#deps)
  }

  #args(name: string, nodeArgs: readonly string[]): readonly string[] {
    const { state, controlPort, fabric } = this.#options
    const folder = state.node(name)
    const flags = {
      node: name,
      control: `${fabric.address}:${controlPort}`,
      'control-roots': state.controlRoots,
      token: folder.token,
      zds: folder.zdsSocket,
      'admin-socket': folder.adminSocket,
      'handover-socket': folder.handoverSocket,
      'keeper-socket': folder.keeperSocket,
      secrets: folder.secrets,
      ...(this.trustDomain === '' ? {} : { 'trust-domain': this.trustDomain }),
      ...fabric.nodeFlags,
    }
    return ['node', ...flagList(flags), ...nodeArgs]
  }

  /** Writes a token that says which node (or waypoint) its holder is: short-lived, and renewed at half its life. */
  async keepToken(node: string, file: string): Promise<void> {
    this.#tokenKey ??= loadTokenKey(this.#options.state.tokenKey)
    const key = await this.#tokenKey
    const { clock, console } = this.#deps
    let mintedMs = clock.nowMs()
    const write = async (): Promise<void> => {
      mintedMs = clock.nowMs()
      writeFileSync(file, await mintNodeToken(key, { node, ttlMs: tokenTtlMs, clock }), { mode: 0o600 })
    }
    await write()
    const renew = (): void => {
      const ageMs = clock.nowMs() - mintedMs
      if (ageMs >= 0 && ageMs < tokenTtlMs / 2) return
      void write().catch((error: unknown) =>
        console.warn(node, `its token was not renewed: ${String(error)}`),
      )
    }
    this.#renewing.push(clock.every(tokenLookMs, renew))
  }
}

/** The last value of an option would not do: each may be given once. */
function withWorkers(args: readonly string[], workers: number | undefined): readonly string[] {
  if (workers === undefined) return args
  const others = args.filter((arg, i) => arg !== '--workers' && args[i - 1] !== '--workers')
  return [...others, '--workers', String(workers)]
}
