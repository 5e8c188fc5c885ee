/** Where the applications of the L7 bench listen. */
export const backendPorts = {
  http1: 9000,
  /** Without TLS; GET as `http1` answers it, POST as a gRPC method does. */
  http2: 9001,
  /** As `http1`, but that every tenth answer is 503: two endpoints of one service. */
  failing: [9002, 9003],
} as const
