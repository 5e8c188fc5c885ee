/** HBONE's called side over node:http2. Arguments: LISTEN_IP:PORT KEY CERTIFICATE ROOTS. */
import { readFileSync } from 'node:fs'
import { constants, createSecureServer } from 'node:http2'
import type { ServerHttp2Stream } from 'node:http2'
import { connect } from 'node:net'

const [listen = '', key = '', certificate = '', roots = ''] = process.argv.slice(2)
const [listenIp = '', listenPort = ''] = listen.split(':')
const streamWindowBytes = 4 * 1024 * 1024

const server = createSecureServer({
  key: readFileSync(key),
  cert: readFileSync(certificate),
  ca: readFileSync(roots),
  requestCert: true,
  rejectUnauthorized: true,
  minVersion: 'TLSv1.3',
  noDelay: true,
  settings: { initialWindowSize: streamWindowBytes, maxFrameSize: 1024 * 1024, maxConcurrentStreams: 10_000 },
})
server.on('session', (session) => {
  session.setLocalWindowSize(4 * streamWindowBytes)
  session.on('error', () => session.destroy())
})
server.on('stream', (stream: ServerHttp2Stream, headers) => {
  const [host = '', port = ''] = (headers[':authority'] ?? '').split(':')
  const upstream = connect({ host, port: Number(port), noDelay: true, allowHalfOpen: true })
  upstream.once('connect', () => {
    stream.respond({ ':status': 200 })
    upstream.pipe(stream)
    stream.pipe(upstream)
  })
  upstream.on('error', () => stream.close(constants.NGHTTP2_CONNECT_ERROR))
  stream.on('error', () => upstream.destroy())
  stream.on('close', () => upstream.destroy())
})
server.listen(Number(listenPort), listenIp)
