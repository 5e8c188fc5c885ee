/**
 * The Linux side of the data plane: namespaces, sockets made inside them, links, addresses and routes, capture
 * rules, and the start of a workload's process. Everything is synchronous and quick, over koffi; no tools of the
 * machine are run.
 */
export { KernelError } from './errors.ts'
export type { KernelErrorCode } from './errors.ts'
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
} from './netns.ts'
export type { NetnsFd } from './netns.ts'
export {
  adoptFd,
  connectTcpFd,
  connectTlsFd,
  listenFd,
  resetSocket,
  resumeWithOnread,
  socketFd,
} from './node-handles.ts'
export type {
  ConnectTcpFdOptions,
  ConnectTlsFdOptions,
  ListenFdOptions,
  SocketTuning,
} from './node-handles.ts'
export { nodeHandlesSelfTest } from './node-handles-self-test.ts'
export type { SelfTestOptions } from './node-handles-self-test.ts'
export {
  getMark,
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
