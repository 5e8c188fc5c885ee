import { mkdir, mkdtemp, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { parseManifests } from '@tulle/api'
import { createGraph } from '@tulle/collections'
import type { Graph } from '@tulle/collections'
import { systemClock } from '@tulle/core'
import { silentLog } from '@tulle/runtime'
import { FilesComponent } from '../files-component.ts'
import type { FilesOptions, FilesSource } from '../files-component.ts'

/** The port of each service that is in force, by name. */
export type Ports = Readonly<Record<string, number>>

/** A real folder and what is known of it. */
export class World implements AsyncDisposable {
  readonly root: string
  readonly graph: Graph = createGraph()
  /** What was in force after each transaction, beginning with the first read. */
  readonly history: Ports[] = []
  readonly #ending: AbortController = new AbortController()
  #files: FilesSource | undefined
  #pause: Disposable | undefined
  #written: number = 0

  private constructor(root: string) {
    this.root = root
  }

  static async create(before: Readonly<Record<string, string>> = {}): Promise<World> {
    const world = new World(await mkdtemp(join(tmpdir(), 'tulle-files-')))
    for (const [name, text] of Object.entries(before)) {
      // oxlint-disable-next-line no-await-in-loop -- folders before what is in them
      await world.write(name, text)
    }
    return world
  }

  get files(): FilesSource {
    if (this.#files === undefined) throw new Error('start it first')
    return this.#files
  }

  /** `path` is below the folder. What is not given is as in the product, but nothing is looked at unasked. */
  async start({
    path = '',
    limits,
    isPaused = false,
    ...given
  }: Partial<FilesOptions> & { readonly isPaused?: boolean } = {}): Promise<void> {
    const options: FilesOptions = {
      path: path === '-' ? path : this.path(path),
      graph: this.graph,
      clock: systemClock,
      log: silentLog,
      ...given,
      limits: { rescanMs: 86_400_000, ...limits },
    }
    this.#files = new FilesComponent(options, parseManifests)
    this.graph.onTransaction(() => this.history.push(this.ports))
    if (isPaused) this.#pause = this.#files.pause()
    await this.#files.start(this.#ending.signal)
  }

  /** Ends what `isPaused` began. */
  resume(): void {
    this.#pause?.[Symbol.dispose]()
  }

  get ports(): Ports {
    const services = Array.from(this.files.api.services.entries(), ([, service]) => service)
    return Object.fromEntries(services.map(({ metadata, spec }) => [metadata.name, spec.ports[0]?.port ?? 0]))
  }

  /** `file:line CODE`, with the file below the folder, in order. */
  get problems(): readonly string[] {
    return Array.from(this.files.problems.entries(), ([, { origin, code }]) => {
      return `${relative(this.root, origin.file)}:${origin.line} ${code}`
    })
  }

  get messages(): readonly string[] {
    return Array.from(this.files.problems.entries(), ([, { message }]) =>
      message.replaceAll(`${this.root}/`, ''),
    )
  }

  /** The file that a service is from, below the folder. */
  fileOf(name: string): string {
    const service = this.files.api.services.get(`/Service/default/${name}`)
    return service === undefined ? '' : relative(this.root, service.origin.file)
  }

  path(name: string): string {
    return join(this.root, name)
  }

  /** In one step, so that nobody meets half of it; other ways to save are for tests of them. */
  async write(name: string, text: string): Promise<void> {
    const path = this.path(name)
    await mkdir(dirname(path), { recursive: true })
    const scratch = join(dirname(path), `.${this.#written++}.tmp`)
    await writeFile(scratch, text)
    await rename(scratch, path)
  }

  async writeInPlace(name: string, text: string): Promise<void> {
    await writeFile(this.path(name), text)
  }

  rename(from: string, to: string): Promise<void> {
    return rename(this.path(from), this.path(to))
  }

  unlink(name: string): Promise<void> {
    return unlink(this.path(name))
  }

  /** Resolves as soon as it holds after a transaction; the test's own time limit ends the waiting. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      if (holds()) {
        resolve()
        return
      }
      const subscription = this.graph.onTransaction(() => {
        if (!holds()) return
        subscription[Symbol.dispose]()
        resolve()
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    await this.#files?.[Symbol.asyncDispose]()
    await rm(this.root, { recursive: true, force: true })
  }
}

/** Documents of services by name and port. */
export function services(ports: Ports): string {
  return Object.entries(ports)
    .map(([name, port]) => service(name, `ports: [{ port: ${port} }]`))
    .join('---\n')
}

/** Its name can be read, and it is not accepted. */
export function brokenService(name: string): string {
  return service(name, 'ports: [{ port: 99999 }]')
}

/** Nothing can be read of it. */
export const brokenSyntax = 'apiVersion: [\n'

function service(name: string, spec: string): string {
  return `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec: { selector: { app: x }, ${spec} }\n`
}
