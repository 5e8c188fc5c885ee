import type { DescField, DescMessage } from '@bufbuild/protobuf'
import { ScalarType } from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

/**
 * What in `bytes` is not of `schema`: an unknown field or enum value at any depth, a field in another wire type,
 * a nested message that runs over its end. Undefined when all of it is known.
 *
 * The decoder itself skips the first and does not notice the others, so that two readers could take the same bytes for
 * different policies. Throws on truncated bytes, as the decoder does.
 */
export function findForeignPart(schema: DescMessage, bytes: Uint8Array): string | undefined {
  return walk(schema, new BinaryReader(bytes), bytes.length, schema.name)
}

function walk(schema: DescMessage, reader: BinaryReader, end: number, path: string): string | undefined {
  while (reader.pos < end) {
    const [number, wireType] = reader.tag()
    const field = schema.fields.find((candidate) => candidate.number === number)
    if (field === undefined) return `unknown field ${number} in ${path}`
    const problem = walkField(field, wireType, reader, { end, path: `${path}.${field.name}` })
    if (problem !== undefined) return problem
  }
  return reader.pos === end ? undefined : `${path} runs over its end`
}

interface Place {
  readonly end: number
  readonly path: string
}

function walkField(
  field: DescField,
  wireType: WireType,
  reader: BinaryReader,
  place: Place,
): string | undefined {
  if (!wireTypesOf(field).includes(wireType)) return `${place.path} has wire type ${wireType}`
  if (wireType === WireType.Varint) {
    const number = reader.uint64()
    return isKnownNumber(field, number) ? undefined : `unknown value ${number} of ${place.path}`
  }
  const length = reader.uint32()
  const end = reader.pos + length
  if (end > place.end) return `${place.path} runs over its end`
  if (field.message !== undefined) return walk(field.message, reader, end, place.path)
  if (isNumberList(field)) return walkPacked(field, reader, { ...place, end })
  reader.pos = end
  return undefined
}

function walkPacked(field: DescField, reader: BinaryReader, place: Place): string | undefined {
  while (reader.pos < place.end) {
    const number = reader.uint64()
    if (!isKnownNumber(field, number)) return `unknown value ${number} of ${place.path}`
  }
  return reader.pos === place.end ? undefined : `${place.path} runs over its end`
}

/** Our closed messages hold nothing but varints, strings, bytes and messages. */
function wireTypesOf(field: DescField): readonly WireType[] {
  if (isNumberList(field)) return [WireType.Varint, WireType.LengthDelimited]
  return isNumber(field) ? [WireType.Varint] : [WireType.LengthDelimited]
}

function isNumberList(field: DescField): boolean {
  return field.fieldKind === 'list' && isNumber(field)
}

function isNumber(field: DescField): boolean {
  if (field.enum !== undefined) return true
  return field.scalar === ScalarType.UINT32 || field.scalar === ScalarType.BOOL
}

function isKnownNumber(field: DescField, number: bigint | string): boolean {
  const value = Number(number)
  if (field.enum !== undefined) return field.enum.values.some((known) => known.number === value)
  return value <= (field.scalar === ScalarType.BOOL ? 1 : 0xffff_ffff)
}
