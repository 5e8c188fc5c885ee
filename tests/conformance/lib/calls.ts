import type { Call } from '../workload/protocol.ts'
import { instructions } from '../workload/protocol.ts'
import type { Ask } from './case.ts'
import type { MeshDriver } from './driver.ts'
import { answerPatienceMs } from '../../support/waiting.ts'

export const defaultCaller = 'mesh/app-a'
const defaultTarget = 'app-svc'
const byAddress = 'address of '

export interface Target {
  readonly host: string
  readonly port: number
}

/** `host`, `host:port` or `address of NAMESPACE/WORKLOAD:port`. */
export async function targetOf(text: string, driver: Pick<MeshDriver, 'addressOf'>): Promise<Target> {
  const [name = '', port = '80'] = text.split(':')
  const host = name.startsWith(byAddress) ? await driver.addressOf(name.slice(byAddress.length)) : name
  return { host, port: Number(port) }
}

export function callOf(ask: Ask, target: Target, id: string): Call {
  const { protocol = 'http1', backend = {}, headers = {} } = ask
  const { statuses = [], delaysMs = [] } = backend
  const own = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => [name, value] as const),
  )
  return {
    protocol,
    ...target,
    method: ask.method ?? (protocol === 'grpc' ? 'POST' : 'GET'),
    path: ask.path ?? '/',
    ...(ask.authority === undefined ? {} : { authority: ask.authority }),
    headers: [
      ...own,
      [instructions.id, id],
      ...(statuses.length === 0 ? [] : [[instructions.statuses, statuses.join(',')] as const]),
      ...(delaysMs.length === 0 ? [] : [[instructions.delaysMs, delaysMs.join(',')] as const]),
      ...(backend.headers ?? []).map(([name, value]) => [instructions.header, `${name}: ${value}`] as const),
    ],
    body: ask.body ?? '',
    ...(ask.connection === undefined ? {} : { connection: ask.connection }),
    withinMs: answerPatienceMs,
  }
}

export function targetText(ask: Ask): string {
  return ask.to ?? defaultTarget
}
