/** OTLP as the OpenTelemetry project reads it: by the Python classes that it generates from its own .proto files. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const wheels = ['opentelemetry-proto==1.27.0', 'protobuf==4.25.8']

const script = `
import json, sys
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
request = ExportTraceServiceRequest.FromString(sys.stdin.buffer.read())
def unknown(message):
    from google.protobuf.unknown_fields import UnknownFieldSet
    count = len(UnknownFieldSet(message))
    for field, value in message.ListFields():
        if field.type != field.TYPE_MESSAGE: continue
        count += sum(unknown(one) for one in (value if field.label == field.LABEL_REPEATED else [value]))
    return count
print(json.dumps({'unknownFields': unknown(request), 'request': MessageToDict(request)}))
`

export interface ReadExport {
  /** Fields that the project's own messages don't have, at any depth. */
  readonly unknownFields: number
  /** In protobuf's JSON: bytes in base64, 64-bit numbers as text. */
  readonly request: unknown
}

/** Fetches the classes once; throws where there is no pip, nothing to fetch from, or the bytes are no request. */
export function readExport(bytes: Uint8Array): ReadExport {
  const folder = installClasses()
  const text = execFileSync('python3', ['-c', script], {
    input: bytes,
    env: { ...process.env, PYTHONPATH: folder },
    encoding: 'utf8',
  })
  return JSON.parse(text) as ReadExport
}

function installClasses(): string {
  const cache = process.env['TULLE_CACHE'] ?? join(homedir(), '.cache', 'tulle')
  const folder = join(cache, wheels.join('_').replaceAll('==', '-'))
  if (existsSync(folder)) return folder
  const work = `${folder}.unpacking-${process.pid}`
  mkdirSync(work, { recursive: true })
  try {
    const wanted = ['--no-deps', '--only-binary', ':all:', '--target', work, ...wheels]
    execFileSync('python3', ['-m', 'pip', 'install', '--quiet', ...wanted], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    renameSync(work, folder)
  } catch (error) {
    throw new Error(`expected ${wheels.join(' and ')} in the cache, or python3 with pip to fetch them`, {
      cause: error,
    })
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return folder
}
