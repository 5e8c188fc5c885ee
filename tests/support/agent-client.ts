import { request } from 'node:http'
import type { AgentReplies, AgentRequests, AgentVerb } from './agent-types.ts'

/** Longer than any verb may take: only an agent that hangs meets it. */
const hangsAfterMs = 90_000

/** Has an agent do things where it runs. Its socket lies in the file system, which no network namespace divides. */
export class Agent {
  readonly #socketPath: string

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  /** Its name when it answers, else undefined. */
  ready(): Promise<string | undefined> {
    return this.do('who', {}).then(
      ({ name }) => name,
      () => undefined,
    )
  }

  /** A connection of its own: whether the other side greeted, and whom it says it sees. */
  call(host: string, port: number = 8080): Promise<AgentReplies['call']> {
    return this.do('call', { host, port })
  }

  do<Verb extends AgentVerb>(verb: Verb, body: AgentRequests[Verb]): Promise<AgentReplies[Verb]> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { socketPath: this.#socketPath, method: 'POST', path: `/${verb}`, timeout: hangsAfterMs },
        (answer) => {
          let text = ''
          answer.setEncoding('utf8')
          answer.on('data', (chunk: string) => (text += chunk))
          answer.on('error', reject)
          answer.on('end', () => {
            // Both ends are ours: the agent answers what AgentReplies says.
            if (answer.statusCode === 200) resolve(JSON.parse(text) as AgentReplies[Verb])
            else reject(new Error(`agent ${this.#socketPath} ${verb}: ${text}`))
          })
        },
      )
      outgoing.on('timeout', () =>
        outgoing.destroy(new Error(`agent ${this.#socketPath} ${verb}: no answer`)),
      )
      outgoing.on('error', reject)
      outgoing.end(JSON.stringify(body))
    })
  }
}
