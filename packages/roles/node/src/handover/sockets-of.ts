import { closeFd, listenerFacts } from '@tulle/kernel'
import type { ZdsWorkload } from '@tulle/kernel'
import type { ListeningSocket } from '@tulle/l4'
import type { Log } from '@tulle/runtime'

/** Those of the sockets that really listen for the workload; the others are closed. */
export function onlyOf(
  workload: ZdsWorkload,
  sockets: readonly ListeningSocket[],
  log: Log,
): readonly ListeningSocket[] {
  const fits = sockets.filter((socket) => isSocketOf(socket, workload))
  for (const socket of sockets) if (!fits.includes(socket)) closeFd(socket.fd)
  if (fits.length < sockets.length)
    log.warn('sockets of another namespace were not taken', { workload: workload.uid })
  return fits
}

/** The same name may belong to a workload that was made anew, in another namespace, since the sockets were opened. */
function isSocketOf({ fd, address }: ListeningSocket, { netns }: ZdsWorkload): boolean {
  const { listening, address: local, sameNetns } = listenerFacts(fd, netns)
  return listening && sameNetns && local?.port === address.port
}
