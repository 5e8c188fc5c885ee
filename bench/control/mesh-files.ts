import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface MeshSize {
  readonly services: number
  readonly workloads: number
  /** A TrafficTarget and its TCPRoute each. */
  readonly policies: number
  readonly nodes: number
}

/** What a changed workload carries, so that a peer finds it in the bytes. */
export const markPrefix = 'bench-'

const appsPerNamespace = 50

/**
 * A folder as users write it: a file for each application, with its ServiceAccount, its Service, its policy where
 * it has one, and its Workloads.
 */
export class MeshFiles {
  readonly size: MeshSize
  readonly #folder: string

  constructor(folder: string, size: MeshSize) {
    this.#folder = folder
    this.size = size
    for (let app = 0; app < size.services; app++) {
      if (app % appsPerNamespace === 0) mkdirSync(this.#folderOf(app), { recursive: true })
      writeFileSync(this.#fileOf(app), this.#text(app))
    }
  }

  static nodeName(node: number): string {
    return `node-${node}`
  }

  uid(workload: number): string {
    return `tulle//Workload/${namespaceOf(this.appOf(workload))}/app-${this.appOf(workload)}-${workload}`
  }

  serviceName(app: number): string {
    return `${namespaceOf(app)}/app-${app}.${namespaceOf(app)}.svc.cluster.local`
  }

  address(workload: number): string {
    return `10.${1 + (workload >> 16)}.${(workload >> 8) & 255}.${workload & 255}`
  }

  appOf(workload: number): number {
    return workload % this.size.services
  }

  /** Saves one workload's file with a new mark in it, as careful editors do: written aside, then renamed. */
  change(workload: number, mark: number, inPlace: boolean): void {
    const app = this.appOf(workload)
    const text = this.#text(app, { workload, mark })
    if (inPlace) return writeFileSync(this.#fileOf(app), text)
    const draft = join(this.#folderOf(app), `.app-${app}.draft`)
    writeFileSync(draft, text)
    renameSync(draft, this.#fileOf(app))
  }

  #text(app: number, changed?: { readonly workload: number; readonly mark: number }): string {
    const documents = [serviceAccount(app), service(app)]
    if (app < this.size.policies) documents.push(...policy(app, this.size.services))
    for (let workload = app; workload < this.size.workloads; workload += this.size.services) {
      const version = changed?.workload === workload ? `${markPrefix}${changed.mark}.` : 'v1'
      documents.push(this.#workload(workload, version))
    }
    return documents.join('---\n')
  }

  #workload(workload: number, version: string): string {
    const app = this.appOf(workload)
    return `apiVersion: tulle.dev/v1alpha1
kind: Workload
metadata:
  name: app-${app}-${workload}
  namespace: ${namespaceOf(app)}
  labels:
    app: app-${app}
    version: ${version}
spec:
  address: ${this.address(workload)}
  node: ${MeshFiles.nodeName(workload % this.size.nodes)}
  serviceAccount: app-${app}
  ports:
    - name: http
      port: 8080
`
  }

  #folderOf(app: number): string {
    return join(this.#folder, namespaceOf(app))
  }

  #fileOf(app: number): string {
    return join(this.#folderOf(app), `app-${app}.yaml`)
  }
}

function namespaceOf(app: number): string {
  return `team-${Math.floor(app / appsPerNamespace)}`
}

function serviceAccount(app: number): string {
  return `apiVersion: v1
kind: ServiceAccount
metadata:
  name: app-${app}
  namespace: ${namespaceOf(app)}
`
}

function service(app: number): string {
  return `apiVersion: v1
kind: Service
metadata:
  name: app-${app}
  namespace: ${namespaceOf(app)}
spec:
  selector:
    app: app-${app}
  ports:
    - name: http
      port: 80
      targetPort: 8080
`
}

function policy(app: number, services: number): readonly string[] {
  const caller = (app + 1) % services
  return [
    `apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata:
  name: app-${app}-port
  namespace: ${namespaceOf(app)}
spec:
  matches:
    ports: [8080]
`,
    `apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata:
  name: callers-of-app-${app}
  namespace: ${namespaceOf(app)}
spec:
  destination:
    kind: ServiceAccount
    name: app-${app}
    namespace: ${namespaceOf(app)}
  rules:
    - kind: TCPRoute
      name: app-${app}-port
  sources:
    - kind: ServiceAccount
      name: app-${caller}
      namespace: ${namespaceOf(caller)}
`,
  ]
}
