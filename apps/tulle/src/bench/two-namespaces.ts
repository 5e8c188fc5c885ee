import { writeFileSync } from 'node:fs'
import { errorCode } from '@tulle/core'
import { closeFd, inNetns, installCapture, newNetns, withRtnetlink } from '@tulle/kernel'
import type { NetnsFd } from '@tulle/kernel'

/** Two machines in small: anonymous network namespaces over a veth, gone with the last process inside. */
export interface TwoNamespaces extends Disposable {
  readonly near: NetnsFd
  readonly far: NetnsFd
}

export const nearIp = '10.99.0.1'
export const farIp = '10.99.0.2'

/** `captured`: both redirect their TCP traffic to a node proxy inside, as a workload's namespace does. */
export function makeTwoNamespaces(
  { captured }: { readonly captured: boolean } = { captured: false },
): TwoNamespaces {
  const near = newNetns()
  const far = newNetns()
  withRtnetlink(near, (route) => route.addVeth({ name: 'eth0' }, { name: 'eth0', netns: far }))
  for (const [netns, address] of [
    [near, nearIp],
    [far, farIp],
  ] as const) {
    withRtnetlink(netns, (route) => {
      route.addAddress({ link: 'eth0', address, prefixLength: 24 })
      route.setLink('eth0', { up: true })
      route.setLink('lo', { up: true })
    })
    inNetns(netns, widenPorts)
    if (captured) installCapture({ netns })
  }
  return {
    near,
    far,
    [Symbol.dispose]: () => {
      closeFd(near)
      closeFd(far)
    },
  }
}

/** Thousands of short connections a second would run out of ports. */
function widenPorts(): void {
  try {
    writeFileSync('/proc/sys/net/ipv4/ip_local_port_range', '10000 65535')
    // Those that a proxy listens on, and may open after others have connected.
    writeFileSync('/proc/sys/net/ipv4/ip_local_reserved_ports', '15000-15099')
    writeFileSync('/proc/sys/net/ipv4/tcp_tw_reuse', '1')
  } catch (error) {
    // In a container /proc/sys may be read-only: then a minute's connections are as many as there are ports.
    if (errorCode(error) !== 'EROFS' && errorCode(error) !== 'EACCES') throw error
  }
}
