/** What is told of a connection: an HTTP/1 connection, or an HTTP/2 session. */
export interface LinkUser {
  /** True: the buffer is still referred to. */
  receive(bytes: Buffer, start: number, end: number): boolean
  onTransportDrain(): void
  /** FIN came; absent where it is the same as the end of everything. */
  onTransportEnd?(): void
  onTransportClose(): void
}

/** Tells of a FIN. */
export function tellEnd(user: LinkUser): void {
  if (user.onTransportEnd === undefined) user.onTransportClose()
  else user.onTransportEnd()
}
