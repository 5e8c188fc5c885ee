/** Other work, such as the wish to end, has its turn after so many files. */
const othersTurn = 32

/**
 * Whether a file may be read without others having their turn meanwhile: the first ones are, because each way to another
 * thread and back takes longer than the reading of a small file.
 */
export function isReadAlone(position: number): boolean {
  return (position + 1) % othersTurn !== 0
}
