/**
 * HTTP/1.1 (RFC 9112) over any byte transport, for waypoints: a strict parser, both sides of a connection, a pool. It also owns the
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
export { badLength, Fields, noLength } from './fields.ts'
