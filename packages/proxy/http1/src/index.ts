/**
 * HTTP/1.1 (RFC 9112) over any byte transport, for waypoints: a strict parser, both sides of a connection. It also owns the
 * seam between codecs and what happens to requests, which HTTP/2 is fitted to as well.
 */
export type {
  ClientExchange,
  ClientHandler,
  Http1Connection,
  Http1Transport,
  HttpVersion,
  Outgoing,
  RequestFate,
  RequestHead,
  ResponseHead,
  ServerExchange,
  ServerHandler,
} from './exchange.ts'
export { badLength, connectionFields, Fields, noLength } from './fields.ts'
export { createHttp1Client } from './client.ts'
export type { Http1Client, Http1ClientOptions } from './client.ts'
export { defaultLimits } from './limits.ts'
export { TakenNames } from './taken-names.ts'
export type { Http1Limits } from './limits.ts'
export { isMethod } from './octets.ts'
export { trimHttp1Batches } from './output.ts'
export { refusals } from './refusal.ts'
export type { Refusal } from './refusal.ts'
export { createHttp1Server } from './server.ts'
export type { Http1ServerOptions } from './server.ts'
export { isProtocolName, mayUpgradeTo } from './upgrade.ts'
