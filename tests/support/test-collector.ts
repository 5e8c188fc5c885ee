import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { fromBinary } from '@bufbuild/protobuf'
import { ExportTraceServiceRequestSchema, SpanKind } from '@tulle/proto'

/** A span as a collector reads it. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  /** Empty: a root. */
  readonly parentId: string
  readonly name: string
  readonly kind: string
  readonly tracestate: string
  readonly flags: number
  readonly startNs: bigint
  readonly endNs: bigint
  readonly failed: boolean
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  readonly resource: Readonly<Record<string, string | number | boolean>>
}

export interface ReceivedPost {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly spans: readonly ReceivedSpan[]
}

/** A collector on a real socket that reads what it is sent by the generated schema. */
export class TestCollector implements AsyncDisposable {
  readonly posts: ReceivedPost[] = []
  /** What is answered next; 200 when nothing is left. */
  readonly answers: ((response: ServerResponse) => void)[] = []
  readonly #server: Server
  readonly #watchers: Set<() => void> = new Set()

  private constructor(server: Server) {
    this.#server = server
  }

  /** At the path of a socket, or on any port of loopback. */
  static async listen(socketPath?: string): Promise<TestCollector> {
    const server = createServer()
    const collector = new TestCollector(server)
    server.on('request', (request, response) => void collector.#take(request, response))
    if (socketPath === undefined) server.listen(0, '127.0.0.1')
    else server.listen(socketPath)
    await once(server, 'listening')
    return collector
  }

  get port(): number {
    // Listening on TCP.
    return (this.#server.address() as AddressInfo).port
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Of all posts that were answered with 200, in the order in which they came. */
  get spans(): readonly ReceivedSpan[] {
    return this.posts.flatMap(({ spans }) => spans)
  }

  /** Resolves when so many spans have come. */
  async received(count: number): Promise<readonly ReceivedSpan[]> {
    await this.until(() => this.spans.length >= count)
    return this.spans
  }

  /** Resolves when it holds; looked at with each post. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve()
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return
        this.#watchers.delete(look)
        resolve()
      }
      this.#watchers.add(look)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const { method, url, headers } = request
    const answer = this.answers.shift()
    const spans = answer === undefined ? spansIn(gunzipSync(Buffer.concat(chunks))) : []
    this.posts.push({ method, url, headers, spans })
    if (answer === undefined) response.end()
    else answer(response)
    for (const look of this.#watchers) look()
  }
}

function spansIn(bytes: Uint8Array): readonly ReceivedSpan[] {
  const { resourceSpans } = fromBinary(ExportTraceServiceRequestSchema, bytes)
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        parentId: hex(span.parentSpanId),
        name: span.name,
        kind: span.kind === SpanKind.SERVER ? 'server' : span.kind === SpanKind.CLIENT ? 'client' : 'other',
        tracestate: span.traceState,
        flags: span.flags,
        startNs: span.startTimeUnixNano,
        endNs: span.endTimeUnixNano,
        failed: span.status?.code === 2,
        attributes: plain(span.attributes),
        resource: plain(resource?.attributes ?? []),
      })),
    ),
  )
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function plain(
  attributes: readonly {
    readonly key: string
    readonly value?:
      | { readonly value: { readonly value?: string | number | boolean | bigint | undefined } }
      | undefined
  }[],
): Record<string, string | number | boolean> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const found = value?.value.value ?? ''
      return [key, typeof found === 'bigint' ? Number(found) : found]
    }),
  )
}
