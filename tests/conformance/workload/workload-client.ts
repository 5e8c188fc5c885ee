import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Replies, Requests, Verb } from './protocol.ts'

/** Longer than any call may take: only a workload that hangs meets it. */
const withinMs = 90_000

/** Has a workload of the suite do things where it runs. */
export class WorkloadClient {
  readonly #socketPath: string

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  do<Name extends Verb>(verb: Name, body: Requests[Name]): Promise<Replies[Name]> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { socketPath: this.#socketPath, method: 'POST', path: `/${verb}`, timeout: withinMs },
        (answer) => {
          text(answer).then((said) => {
            // Both ends are ours: a workload answers what Replies says.
            if (answer.statusCode === 200) resolve(JSON.parse(said) as Replies[Name])
            else reject(new Error(`${this.#socketPath} ${verb}: ${said}`))
          }, reject)
        },
      )
      outgoing.on('timeout', () => outgoing.destroy(new Error(`${this.#socketPath} ${verb}: no answer`)))
      outgoing.on('error', reject)
      outgoing.end(JSON.stringify(body))
    })
  }
}
