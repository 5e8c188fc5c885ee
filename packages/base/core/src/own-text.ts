/** V8 copies shorter parts of a text; a longer one is a reference that keeps the whole of it. */
const minReferenceChars = 13
const maxCopiedChars = 1024
const room: Buffer = Buffer.alloc(maxCopiedChars)

/** The same text in one piece, without the one that it was cut from: that would stay in memory for as long as the part. */
export function ownText(part: string): string {
  if (part.length < minReferenceChars || part.length > maxCopiedChars) return part
  const size = room.write(part, 'latin1')
  const copy = room.toString('latin1', 0, size)
  // Other than of ASCII and its neighbours the copy is another text.
  return copy === part ? copy : part
}
