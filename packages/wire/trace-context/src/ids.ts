import type { Rng } from '@tulle/core'

/** 32 hexadecimal digits, all of them drawn, never all zeros. */
export function newTraceId(rng: Rng): string {
  return notZero(randomHex(rng) + randomHex(rng))
}

/** 16 hexadecimal digits, never all zeros. */
export function newSpanId(rng: Rng): string {
  return notZero(randomHex(rng))
}

const byteHex: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
)

/** 16 digits. By table: `toString(16)` of what is no small integer takes longer than all the rest of a CONNECT. */
function randomHex(rng: Rng): string {
  return hexOf(rng.next()) + hexOf(rng.next())
}

function hexOf(chance: number): string {
  const bits = (chance * 0x1_0000_0000) >>> 0
  const high = `${byteHex[bits >>> 24] ?? ''}${byteHex[(bits >>> 16) & 0xff] ?? ''}`
  return `${high}${byteHex[(bits >>> 8) & 0xff] ?? ''}${byteHex[bits & 0xff] ?? ''}`
}

/** All zeros would mean "none". */
function notZero(hex: string): string {
  return /[^0]/u.test(hex) ? hex : hex.replace(/0$/u, '1')
}
