/** Asks the control plane for a certificate: `ADDRESS ROOTS TOKEN IDENTITY`. Prints `issued`, or why not. */
import { grpcCaClient } from '@tulle/control-client'
import { errorText, must, systemClock } from '@tulle/core'
import { parseSpiffeId, spiffeId } from '@tulle/identity'
import { createCsr, csrPem, generateKeyPair } from '@tulle/x509'
import { answerPatienceMs } from './waiting.ts'

const [address = '', rootsFile = '', tokenFile = '', asked = ''] = process.argv.slice(2)
const identity = spiffeId(must(parseSpiffeId(asked)))
using client = grpcCaClient({ address, rootsFile, tokenFile }, { clock: systemClock })
const csr = csrPem(createCsr({ identity, keyPair: generateKeyPair() }))
try {
  await client.request({ csr, identity, ttlMs: 3_600_000, signal: AbortSignal.timeout(answerPatienceMs) })
  console.log('issued')
} catch (error) {
  console.log(errorText(error))
}
