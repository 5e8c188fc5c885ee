import { MeshError } from '@tulle/core'
import type { ErrorContext } from '@tulle/core'
import { getSystemErrorMap } from 'node:util'

/** `KERNEL_` and the name of the errno, such as `KERNEL_EPERM`; `KERNEL_PROTOCOL` for answers that make no sense. */
export type KernelErrorCode = `KERNEL_${string}`

/** A system call or a netlink request that failed. The message names the call, and the kernel's own words if any. */
export class KernelError extends MeshError<KernelErrorCode> {}

/** `detail` says what the call was about, or is the kernel's extended acknowledgement. */
export function kernelError(call: string, errno: number, detail: string = ''): KernelError {
  const [name, words] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, 'unknown error']
  const context: ErrorContext = { call, errno }
  const about = detail === '' ? '' : ` (${detail})`
  return new KernelError(`KERNEL_${name}`, `${call}${about}: ${words} (${name})`, { context })
}

/** Something answered in a way that its protocol does not allow. */
export function kernelProtocolError(message: string): KernelError {
  return new KernelError('KERNEL_PROTOCOL', message)
}
