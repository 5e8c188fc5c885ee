/** As `tulle bench` has them. */
export { writeCertificates } from '../../apps/tulle/src/bench/certificates.ts'
export type { PemFiles } from '../../apps/tulle/src/bench/certificates.ts'
