const varint = 0
const delimited = 2
/** Longer texts are left to the platform, whose calls cost as much as writing so many characters. */
const maxWrittenChars = 48

/**
 * Writes one protobuf message after the other into the same room: resources are encoded by ten thousands, and neither
 * lists of fields nor buffers are needed for that. Fields with their default value are left out, as proto3 has it.
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export class MessageWriter {
  #room: Buffer = Buffer.alloc(4096)
  #at: number = 0

  /** A text, unless it is empty. */
  text(field: number, text: string): void {
    if (text !== '') this.anyText(field, text)
  }

  anyText(field: number, text: string): void {
    this.#tag(field, delimited)
    // A character takes three bytes at most.
    this.#reserve(3 * text.length + 5)
    if (text.length > maxWrittenChars || !this.#ascii(text)) this.#utf8(text)
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.#tag(field, delimited)
    this.#number(bytes.length)
    this.#reserve(bytes.length)
    this.#room.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** A count or a value of an enumeration, unless it is 0. */
  number(field: number, value: number): void {
    if (value !== 0) this.anyNumber(field, value)
  }

  anyNumber(field: number, value: number): void {
    this.#tag(field, varint)
    this.#number(value)
  }

  bool(field: number, value: boolean): void {
    this.number(field, value ? 1 : 0)
  }

  message(field: number, write: () => void): void {
    this.#tag(field, delimited)
    this.#reserve(1)
    const start = ++this.#at
    write()
    const length = this.#at - start
    if (length < 0x80) {
      this.#room[start - 1] = length
      return
    }
    // Its length takes more than the byte that was left for it.
    const shift = lengthOf(length) - 1
    this.#reserve(shift)
    this.#room.copyWithin(start + shift, start, this.#at)
    this.#at = start - 1
    this.#number(length)
    this.#at += length
  }

  /** The bytes of what `fill` writes. */
  write(fill: () => void): Uint8Array<ArrayBuffer> {
    this.#at = 0
    fill()
    const taken = new Uint8Array(this.#at)
    taken.set(this.#room.subarray(0, this.#at))
    return taken
  }

  #tag(field: number, wireType: number): void {
    this.#number(((field << 3) | wireType) >>> 0)
  }

  #number(value: number): void {
    this.#reserve(5)
    let rest = value
    while (rest > 0x7f) {
      this.#room[this.#at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#room[this.#at++] = rest
  }

  /** Whether all of it was ASCII, and so is written. */
  #ascii(text: string): boolean {
    const { length } = text
    const start = this.#at + 1
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) return false
      this.#room[start + i] = code
    }
    this.#room[this.#at] = length
    this.#at = start + length
    return true
  }

  #utf8(text: string): void {
    const length = Buffer.byteLength(text)
    this.#number(length)
    this.#room.write(text, this.#at)
    this.#at += length
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#room.length) return
    const room = Buffer.alloc(2 * (this.#at + count))
    room.set(this.#room)
    this.#room = room
  }
}

function lengthOf(value: number): number {
  let length = 1
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) length++
  return length
}
