/**
 * The Linux side of the data plane: namespaces, sockets made inside them, links, addresses and routes, capture
 * rules, and the start of a workload's process. Everything is synchronous and quick, over koffi; no tools of the
 * machine are run.
 */
export { announceAddress } from './announce.ts'
export type { AnnounceAddressOptions } from './announce.ts'
export { KernelError } from './errors.ts'
export type { KernelErrorCode } from './errors.ts'
export { showFirstBytes } from './first-bytes.ts'
export type { FirstBytesHandlers } from './first-bytes.ts'
export { maxFds, receiveFds, sendFds } from './fd-messages.ts'
export type { FdMessage } from './fd-messages.ts'
export { trimMemory } from './memory.ts'
export {
  checkNetns,
  closeFd,
  currentNetns,
  enterNetns,
  inNetns,
  netnsOfPid,
  newNetns,
  openNetns,
  unshareMount,
  unshareNet,
  unsharePidsOfChildren,
} from './netns.ts'
export type { NetnsFd } from './netns.ts'
export { duplicateFd, listenerFacts } from './listening-sockets.ts'
export type { ListenerFacts } from './listening-sockets.ts'
export { adoptFd, connectTcpFd, connectTlsFd, resetSocket, socketFd, useOnread } from './node-handles.ts'
export type { ConnectTcpFdOptions, ConnectTlsFdOptions } from './node-handles.ts'
export { PlainListener } from './plain-listener.ts'
export type { PlainListenerUser } from './plain-listener.ts'
export { PlainSocket } from './plain-socket.ts'
export type { PlainSocketUser } from './plain-socket.ts'
export { ReadyGroup } from './ready-group.ts'
export { nodeHandlesSelfTest } from './node-handles-self-test.ts'
export type { SelfTestOptions } from './node-handles-self-test.ts'
export {
  getMark,
  isPeerGone,
  listenTcp,
  localAddress,
  openTcpSocket,
  originalDestination,
  setKeepAlive,
  setResetOnClose,
  setUserTimeout,
} from './sockets.ts'
export type { KeepAliveOptions, ListenTcpOptions, OpenTcpSocketOptions } from './sockets.ts'
export type { SocketAddress } from './socket-address.ts'
export {
  disableIpv6,
  inboundPlaintextPort,
  inboundTunnelPort,
  installCapture,
  installStrictDrop,
  listCapture,
  outboundPort,
  proxyMark,
  removeCapture,
  removeStrictDrop,
} from './nftables.ts'
export type { CaptureOptions, ChainInfo, StrictDropOptions } from './nftables.ts'
export { connectPackets, listenPackets } from './packet-socket.ts'
export type { PacketSocket } from './packet-socket.ts'
export { KeeperClient } from './socket-keeper-client.ts'
export type { KeeperClientOptions, KeptSocket } from './socket-keeper-client.ts'
export { socketKeeper } from './socket-keeper.ts'
export type { SocketKeeper, SocketKeeperOptions } from './socket-keeper.ts'
export { parsePacket } from './packet.ts'
export type { CapturedPacket, IpHeader, TcpFlag, TcpHeader } from './packet.ts'
export { capturePackets } from './packet-capture.ts'
export type { CapturePacketsOptions, PacketCapture } from './packet-capture.ts'
export {
  bindMount,
  clearBoundingSet,
  defaultSignal,
  dropCapabilities,
  execProcess,
  hideFolder,
  mountTmpfs,
  openPidfd,
  peerCredentials,
  setIds,
  setNoNewPrivs,
  setParentDeathSignal,
  takeFd,
} from './process.ts'
export type { BindMountOptions, ExecOptions, Ids, PeerCredentials, TmpfsOptions } from './process.ts'
export { Rtnetlink, withRtnetlink } from './rtnetlink.ts'
export type { LinkSettings, RuleOptions, VethEnd } from './rtnetlink.ts'
export type {
  AddressInfo,
  AddressOptions,
  LinkInfo,
  RouteInfo,
  RouteOptions,
  RuleInfo,
} from './rtnetlink-codec.ts'
export { zdsClient } from './zds-client.ts'
export type { ZdsClient, ZdsClientOptions, ZdsWorkload } from './zds-client.ts'
export type { ZdsIdentity } from './zds-messages.ts'
export { zdsServer } from './zds-server.ts'
export type { ZdsServer, ZdsServerOptions, ZdsServerWorkload } from './zds-server.ts'
