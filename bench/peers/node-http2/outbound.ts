/** HBONE's calling side over node:http2. Arguments: LISTEN_IP:PORT PEER_IP:PORT TARGET KEY CERTIFICATE ROOTS. */
import { readFileSync } from 'node:fs'
import { connect, constants } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import { createServer } from 'node:net'

const [listen = '', peer = '', target = '', key = '', certificate = '', roots = ''] = process.argv.slice(2)
const [listenIp = '', listenPort = ''] = listen.split(':')
const streamWindowBytes = 4 * 1024 * 1024

let session: ClientHttp2Session | undefined

/** One session for all connections; another when it ends. */
function currentSession(): ClientHttp2Session {
  if (session !== undefined) return session
  const opened = connect(`https://${peer}`, {
    key: readFileSync(key),
    cert: readFileSync(certificate),
    ca: readFileSync(roots),
    checkServerIdentity: () => undefined,
    minVersion: 'TLSv1.3',
    settings: { initialWindowSize: streamWindowBytes, maxFrameSize: 1024 * 1024, enablePush: false },
  })
  opened.on('connect', () => opened.setLocalWindowSize(4 * streamWindowBytes))
  opened.on('error', () => opened.destroy())
  opened.on('close', () => (session = undefined))
  session = opened
  return opened
}

createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
  const stream = currentSession().request(
    { ':method': 'CONNECT', ':authority': target },
    { endStream: false },
  )
  stream.on('error', () => socket.destroy())
  socket.on('error', () => stream.close(constants.NGHTTP2_CANCEL))
  socket.on('close', () => stream.destroyed || stream.close())
  socket.pipe(stream)
  stream.pipe(socket)
}).listen(Number(listenPort), listenIp)
