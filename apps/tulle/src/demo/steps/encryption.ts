import type { Report } from '../report.ts'
import type { Session } from '../session.ts'
import type { PacketView } from '../../up/up-api.ts'

/** What the applications say to one another, in clear. */
const spoken = ['GET /books', 'Host: books', 'Invisible Cities', 'HTTP/1.1 200']
const packetCount = 24
const bytesShown = 32
/** TLS 1.3 application data: type 23, version 3.3. @see RFC 8446 §5.1 */
const tlsRecord = Buffer.from([0x17, 0x03, 0x03])

/** What passes between the nodes: a capture on the link of one. */
export async function showEncryption(session: Session, report: Report): Promise<void> {
  report.heading('Between the nodes everything is encrypted')
  const packets = await session.up.get<readonly PacketView[]>(
    `/v1/packets?node=node-1&port=15008&count=${packetCount}`,
  )
  const payloads = packets.map((packet) => Buffer.from(packet.payload, 'base64'))
  const [first] = packets
  report.line(`${packets.length} packets captured on the link of node-1, port 15008; the first one:`)
  if (first !== undefined) {
    const bytes = (payloads[0] ?? Buffer.alloc(0)).subarray(0, bytesShown)
    report.line(`${first.from} → ${first.to}`)
    for (let at = 0; at < bytes.length; at += 16) report.line(hexLine(bytes.subarray(at, at + 16)))
  }
  const all = Buffer.concat(payloads)
  report.check(
    'it is TLS records',
    payloads.some((payload) => payload.subarray(0, 3).equals(tlsRecord)),
  )
  report.check(
    `none of ${spoken.map((words) => `"${words}"`).join(', ')} is in it`,
    packets.length > 0 && spoken.every((words) => !all.includes(words)),
  )
}

function hexLine(bytes: Buffer): string {
  const hex = bytes.toString('hex').replaceAll(/../gu, '$& ').padEnd(48)
  return `  ${hex} ${bytes.toString('latin1').replaceAll(/[^\x20-\x7e]/gu, '.')}`
}
