import { z } from 'zod'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'
import type { RunSpec, WorkloadSpec } from '../kinds.ts'
import { hasOnly, isAddress, isPort, isPortName, isSubdomain, notPlain, plainList } from '../plain-shapes.ts'
import type { NotPlain } from '../plain-shapes.ts'
import type { Fault } from '../shapes.ts'
import {
  canonicalIp,
  checked,
  checkedAlways,
  closed,
  dnsName,
  ipAddress,
  isRecord,
  list,
  nonEmpty,
  portName,
  portNumber,
  quote,
  someOf,
  unique,
} from '../shapes.ts'

const run = closed({
  command: checked(
    someOf(checked(z.string(), nulFaults), 'expected a program and its arguments'),
    function* ([program]) {
      if (program?.trim() === '') {
        yield {
          code: 'API_BAD_VALUE',
          message: 'found an empty text; expected the name of a program',
          path: [0],
        }
      }
    },
  ),
  env: checked(z.record(z.string(), checked(z.string(), nulFaults)), envFaults).default({}),
  workingDir: checked(nonEmpty, nulFaults).optional(),
})

const fields = closed({
  serviceAccount: dnsName.default('default'),
  node: dnsName.optional(),
  address: ipAddress.optional(),
  run: run.optional(),
  ports: unique(list(closed({ name: portName.optional(), port: portNumber })), ['port', 'name']).default([]),
  hbone: z.boolean().optional(),
  capacity: z.int().min(1).max(1_000_000).default(1),
  locality: closed({
    region: nonEmpty.optional(),
    zone: nonEmpty.optional(),
    subzone: nonEmpty.optional(),
  }).optional(),
})

const spec = checkedAlways(fields, function* (value) {
  // Who wrote a command in the wrong place is told of that.
  if (!isRecord(value) || ['address', 'run', 'command'].some((field) => value[field] !== undefined)) return
  yield {
    code: 'API_MISSING_FIELD',
    message:
      'expected "run" (a command that tulle up starts) or "address" (where it runs already), found neither',
  }
})

export const workloadV1alpha1: KindVersion = kindVersion({
  group: 'tulle.dev',
  version: 'v1alpha1',
  kind: 'Workload',
  namespaced: true,
  name: 'label',
  spec,
  plainSpec,
  misplaced: {
    'spec.command': 'it belongs in "run": run: {command: […]}',
    'spec.env': 'it belongs in "run": run: {env: {…}}',
    'spec.workingDir': 'it belongs in "run": run: {workingDir: …}',
    'spec.serviceAccountName': 'write "serviceAccount"',
    'spec.run.args': 'write the arguments into "command"',
    'spec.labels': 'it belongs in "metadata"',
  },
  toHub: workloadSpec,
})

const plainFields: ReadonlySet<string> = new Set(['address', 'node', 'serviceAccount', 'ports'])
const plainPortFields: ReadonlySet<string> = new Set(['name', 'port'])

/** One that runs somewhere already. */
function plainSpec(value: unknown): z.output<typeof fields> | NotPlain {
  if (!isRecord(value) || !hasOnly(value, plainFields)) return notPlain
  const { address, node, serviceAccount = 'default', ports: listed = [] } = value
  if (!isAddress(address) || (node !== undefined && !isSubdomain(node)) || !isSubdomain(serviceAccount))
    return notPlain
  const ports = plainList(listed, plainPort, isSamePort)
  return ports === notPlain ? notPlain : { address, node, serviceAccount, ports: [...ports], capacity: 1 }
}

type Port = z.output<typeof fields>['ports'][number]

function plainPort(value: Readonly<Record<string, unknown>>): Port | NotPlain {
  const { name, port } = value
  if (!hasOnly(value, plainPortFields) || !isPort(port)) return notPlain
  return name === undefined || isPortName(name) ? { name, port } : notPlain
}

function isSamePort(a: Port, b: Port): boolean {
  return a.port === b.port || (a.name !== undefined && a.name === b.name)
}

function workloadSpec(raw: z.output<typeof fields>): WorkloadSpec {
  const { node, address, run: process, locality } = raw
  return {
    serviceAccount: raw.serviceAccount,
    ports: raw.ports.map(({ name, port }) => ({ port, ...(name === undefined ? {} : { name }) })),
    hbone: raw.hbone ?? process !== undefined,
    capacity: raw.capacity,
    ...(node === undefined ? {} : { node }),
    ...(address === undefined ? {} : { address: canonicalIp(address) }),
    ...(process === undefined ? {} : { run: runSpec(process) }),
    ...(locality === undefined ? {} : { locality: present(locality) }),
  }
}

function runSpec({ command, env, workingDir }: z.output<typeof run>): RunSpec {
  return { command, env, ...(workingDir === undefined ? {} : { workingDir }) }
}

function present({
  region,
  zone,
  subzone,
}: {
  readonly region?: string | undefined
  readonly zone?: string | undefined
  readonly subzone?: string | undefined
}): NonNullable<WorkloadSpec['locality']> {
  return {
    ...(region === undefined ? {} : { region }),
    ...(zone === undefined ? {} : { zone }),
    ...(subzone === undefined ? {} : { subzone }),
  }
}

/** @see execve(2): what a process is started with ends at the first NUL */
function* nulFaults(value: string): Generator<Fault> {
  if (value.includes('\0')) yield { code: 'API_BAD_VALUE', message: 'found a NUL character; expected text' }
}

/** @see POSIX.1-2024 §8.1 */
function* envFaults(env: Readonly<Record<string, string>>): Generator<Fault> {
  for (const name of Object.keys(env)) {
    if (/^[A-Za-z_][A-Za-z0-9_.-]*$/u.test(name)) continue
    const message = `found ${quote(name)}; expected the name of an environment variable: letters, digits and "_"`
    yield { code: 'API_BAD_VALUE', message, path: [name] }
  }
}
