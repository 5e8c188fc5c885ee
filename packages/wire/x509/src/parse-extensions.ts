import { ipFromBytes } from '@tulle/mesh'
import type { IpAddress } from '@tulle/mesh'
import { DerError, DerReader, readBoolean, readNamedBits, readOid, readSmallInteger } from './der-read.ts'
import { contextTag, tags } from './der-write.ts'
import { oids } from './oids.ts'

/** One extension, its value not yet read. */
export interface Extension {
  readonly type: string
  readonly critical: boolean
  readonly value: Uint8Array
}

export interface AlternativeNames {
  readonly uriSans: readonly string[]
  readonly dnsSans: readonly string[]
  readonly ipSans: readonly IpAddress[]
  /** How many names of other kinds there are. */
  readonly others: number
}

export interface Extensions extends Omit<AlternativeNames, 'others'> {
  readonly isCa: boolean
  readonly pathLength: number | undefined
  readonly keyUsage: readonly number[] | undefined
  readonly extendedKeyUsage: readonly string[] | undefined
  readonly subjectKeyId: Uint8Array | undefined
  readonly authorityKeyId: Uint8Array | undefined
  readonly unknownCritical: readonly string[]
}

const maxExtensions = 64
const maxNames = 256

/** `Extensions`: a type may come only once, or two readers would choose differently. @see RFC 5280 §4.2 */
export function readExtensionList(reader: DerReader): readonly Extension[] {
  return reader.within(tags.sequence, (list) => {
    const found = new Map<string, Extension>()
    while (!list.done) {
      const extension = list.within(tags.sequence, readExtension)
      if (found.has(extension.type)) throw new DerError(`the extension ${extension.type} twice`)
      if (found.size >= maxExtensions) throw new DerError(`more than ${maxExtensions} extensions`)
      found.set(extension.type, extension)
    }
    return [...found.values()]
  })
}

function readExtension(reader: DerReader): Extension {
  const type = readOid(reader)
  const critical = reader.optional(tags.boolean, () => readBoolean(reader)) ?? false
  return { type, critical, value: reader.content(tags.octetString) }
}

export function readExtensions(reader: DerReader): Extensions {
  const list = readExtensionList(reader)
  const read = <T>(type: string, readValue: (value: DerReader) => T): T | undefined => {
    const extension = list.find((candidate) => candidate.type === type)
    if (extension === undefined) return undefined
    const value = new DerReader(extension.value)
    const result = readValue(value)
    value.end()
    return result
  }
  const constraints = read(oids.basicConstraints, readBasicConstraints)
  const names = read(oids.subjectAltName, readAlternativeNames)
  return {
    isCa: constraints?.isCa ?? false,
    pathLength: constraints?.pathLength,
    keyUsage: read(oids.keyUsage, readNamedBits),
    extendedKeyUsage: read(oids.extendedKeyUsage, readOidList),
    uriSans: names?.uriSans ?? [],
    dnsSans: names?.dnsSans ?? [],
    ipSans: names?.ipSans ?? [],
    subjectKeyId: read(oids.subjectKeyId, (value) => value.content(tags.octetString)),
    authorityKeyId: read(oids.authorityKeyId, readAuthorityKeyId),
    unknownCritical: list
      .filter((extension) => extension.critical && !understood.has(extension.type))
      .map((extension) => extension.type),
  }
}

const understood: ReadonlySet<string> = new Set([
  oids.basicConstraints,
  oids.keyUsage,
  oids.extendedKeyUsage,
  oids.subjectAltName,
  oids.subjectKeyId,
  oids.authorityKeyId,
])

function readBasicConstraints(reader: DerReader): { isCa: boolean; pathLength: number | undefined } {
  return reader.within(tags.sequence, (constraints) => ({
    isCa: constraints.optional(tags.boolean, () => readBoolean(constraints)) ?? false,
    pathLength: constraints.optional(tags.integer, () => readSmallInteger(constraints)),
  }))
}

function readOidList(reader: DerReader): readonly string[] {
  return reader.within(tags.sequence, (list) => {
    const found: string[] = []
    while (!list.done) found.push(readOid(list))
    return found
  })
}

function readAuthorityKeyId(reader: DerReader): Uint8Array | undefined {
  return reader.within(tags.sequence, (id) => {
    const key = id.optional(contextTag(0, false), () => id.content(contextTag(0, false)))
    // The issuer's name and serial number, which nobody here asks for. @see RFC 5280 §4.2.1.1
    id.optional(contextTag(1, true), () => id.raw())
    id.optional(contextTag(2, false), () => id.raw())
    return key
  })
}

const uriTag = contextTag(6, false)
const dnsTag = contextTag(2, false)
const ipTag = contextTag(7, false)

/** GeneralNames. Text is taken byte for byte, so a NUL stays a NUL. @see RFC 5280 §4.2.1.6 */
export function readAlternativeNames(reader: DerReader): AlternativeNames {
  return reader.within(tags.sequence, (list) => {
    const uriSans: string[] = []
    const dnsSans: string[] = []
    const ipSans: IpAddress[] = []
    let others = 0
    for (let count = 0; !list.done; count++) {
      if (count >= maxNames) throw new DerError(`more than ${maxNames} alternative names`)
      if (list.tag === uriTag) uriSans.push(ia5(list.content(uriTag)))
      else if (list.tag === dnsTag) dnsSans.push(ia5(list.content(dnsTag)))
      else if (list.tag === ipTag) ipSans.push(ip(list.content(ipTag)))
      else if (list.tag !== undefined && otherTags.has(list.tag)) {
        list.raw()
        others++
      } else throw new DerError('an alternative name of no known kind')
    }
    return { uriSans, dnsSans, ipSans, others }
  })
}

/**
 * Those that are skipped, each in its one form: otherName, email, X.400 and directory names, EDI, a registered id. A URI
 * in constructed form would be a second name that only others see, so it is refused with all else.
 */
const otherTags: ReadonlySet<number> = new Set([
  contextTag(0, true),
  contextTag(1, false),
  contextTag(3, true),
  contextTag(4, true),
  contextTag(5, true),
  contextTag(8, false),
])

function ia5(bytes: Uint8Array): string {
  if (bytes.some((byte) => byte >= 0x80)) throw new DerError('an alternative name that is not ASCII')
  return Buffer.from(bytes).toString('latin1')
}

function ip(bytes: Uint8Array): IpAddress {
  const address = ipFromBytes(bytes)
  if (!address.ok) throw new DerError(address.error)
  return address.value
}
