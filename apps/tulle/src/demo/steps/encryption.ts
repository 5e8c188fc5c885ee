import type { Report } from '../report.ts'
import type { Session } from '../session.ts'
import type { PacketView } from '../../up/up-api.ts'

/** What the applications say to one another, in clear. */
const spoken = ['GET /books', 'Host: books', 'Invisible Cities', 'HTTP/1.1']
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
  const shown = payloads.findIndex(isApplicationData)
  report.line(`${packets.length} packets captured on the link of node-1, port 15008; one of them:`)
  const packet = packets[shown]
  if (packet !== undefined) {
    const bytes = (payloads[shown] ?? Buffer.alloc(0)).subarray(0, bytesShown)
    report.line(`${packet.from} → ${packet.to}`)
    for (let at = 0; at < bytes.length; at += 16) report.line(hexLine(bytes.subarray(at, at + 16)))
  }
  const all = Buffer.concat(payloads)
  report.check('it is TLS records', shown >= 0)
  report.check(
    `no "${spoken.join('", no "')}"`,
    packets.length > 0 && spoken.every((words) => !all.includes(words)),
  )
}

function isApplicationData(payload: Buffer): boolean {
  return payload.subarray(0, 3).equals(tlsRecord)
}

function hexLine(bytes: Buffer): string {
  const hex = bytes.toString('hex').replaceAll(/../gu, '$& ').padEnd(48)
  return `  ${hex} ${bytes.toString('latin1').replaceAll(/[^\x20-\x7e]/gu, '.')}`
}
