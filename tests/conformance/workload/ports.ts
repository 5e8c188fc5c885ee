/** Where every workload of the suite listens. The 83xx are those of the example in the text of TrafficTarget. */
export const httpPorts: readonly number[] = [8080, 9091]
/** HTTP/1.1 over TLS; the second with a certificate that has expired. */
export const tlsPort = 8444
export const expiredTlsPort = 8445
export const tcpPorts: readonly number[] = [9090, 8300, 8301, 8302]
export const udpPorts: readonly number[] = [8300, 8301, 8302]
