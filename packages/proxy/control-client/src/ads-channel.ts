import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import type { ClientDuplexStream } from '@grpc/grpc-js'
import { MeshError } from '@tulle/core'
import { aggregatedDiscoveryService } from '@tulle/proto'
import type { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from '@tulle/proto'

export type AdsErrorCode = 'ADS_ROOTS_UNREADABLE' | 'ADS_TOKEN_UNREADABLE'

export interface AdsChannelOptions {
  readonly address: string
  readonly rootsFile: string
  readonly tokenFile: string
  readonly serverName: string
  readonly clusterId: string
}

export type AdsCall = ClientDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>

export interface AdsChannel extends Disposable {
  readonly call: AdsCall
}

/** As ztunnel: a full state of a large mesh comes in one message. */
const maxMessageBytes = 200 << 20

/**
 * A channel for one stream. Roots and token are read anew for each, so that rotated files count from the next
 * connect on. grpc-js neither retries nor shares the connection: when to try again is the caller's decision.
 * Rejects with a MeshError (AdsErrorCode) when a file is missing or empty.
 */
export async function openAdsChannel(options: AdsChannelOptions): Promise<AdsChannel> {
  const roots = await readRoots(options.rootsFile)
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${await readToken(options.tokenFile)}`)
  metadata.set('clusterid', options.clusterId)
  const secureContext = createSecureContext({ ca: roots, minVersion: 'TLSv1.3' })
  const client = new Client(options.address, credentials.createFromSecureContext(secureContext), {
    'grpc.ssl_target_name_override': options.serverName,
    'grpc.default_authority': options.serverName,
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
  })
  const { path, requestSerialize, responseDeserialize } = aggregatedDiscoveryService.deltaAggregatedResources
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata)
  return {
    call,
    [Symbol.dispose]: () => {
      // Closing the channel alone would wait for the call.
      call.cancel()
      client.close()
    },
  }
}

async function readRoots(file: string): Promise<string> {
  const text = await read(file, 'ADS_ROOTS_UNREADABLE')
  // Without a certificate OpenSSL would fall back to the public roots.
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  throw new MeshError<AdsErrorCode>(
    'ADS_ROOTS_UNREADABLE',
    `expected PEM certificates in ${file}, found none`,
  )
}

async function readToken(file: string): Promise<string> {
  const token = (await read(file, 'ADS_TOKEN_UNREADABLE')).trim()
  if (/^[\x21-\x7e]+$/u.test(token)) return token
  throw new MeshError<AdsErrorCode>('ADS_TOKEN_UNREADABLE', `expected one token in ${file}`)
}

async function read(file: string, code: AdsErrorCode): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new MeshError<AdsErrorCode>(code, `expected a readable file at ${file}`, { cause })
  }
}
