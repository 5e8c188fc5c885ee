/**
 * What the launcher of a workload does to itself before it becomes the workload. All of it concerns the calling
 * thread and is meant for the main thread of a process of its own, in this order: `enterNetns`, `unshareMount`,
 * mounts, `setIds`, `dropCapabilities`, `setNoNewPrivs`, `setParentDeathSignal`, `defaultSignal`, `execProcess`.
 */
import { errorCode } from '@tulle/core'
import { constants, statSync } from 'node:fs'
import { constants as osConstants } from 'node:os'
import { KernelError } from './errors.ts'
import { check, lastErrno, libc } from './libc.ts'
import * as linux from './linux.ts'

export interface BindMountOptions {
  readonly source: string
  /** An existing file (for a file) or folder (for a folder). */
  readonly target: string
  readonly readOnly?: boolean
}

/** Shows `source` at `target` in this mount namespace. A file must be written in place afterwards, never renamed. */
export function bindMount({ source, target, readOnly }: BindMountOptions): void {
  check('mount(MS_BIND)', libc.mount(source, target, 'none', linux.MS_BIND, null), `${source} on ${target}`)
  if (readOnly !== true) return
  const flags = linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV
  if (libc.mount('none', target, 'none', flags, null) !== -1) return
  // A bind mount inherits the flags of its source, and in a user namespace noexec, too, may not be cleared.
  const strictFlags = flags | linux.MS_NOEXEC
  check('mount(MS_REMOUNT)', libc.mount('none', target, 'none', strictFlags, null), `${target} read-only`)
}

export interface TmpfsOptions {
  readonly target: string
  readonly maxBytes: number
  /** Permissions of its root; 0o755 when absent. */
  readonly mode?: number
}

export function mountTmpfs({ target, maxBytes, mode = 0o755 }: TmpfsOptions): void {
  const flags = linux.MS_NOSUID | linux.MS_NODEV
  const data = Buffer.from(`size=${maxBytes},mode=${mode.toString(8)}\0`)
  check('mount(tmpfs)', libc.mount('tmpfs', target, 'tmpfs', flags, data), target)
}

/** Puts an empty, unreadable folder over a folder, or an empty file over a file. */
export function hideFolder(path: string): void {
  if (!statSync(path).isDirectory()) {
    bindMount({ source: '/dev/null', target: path })
    return
  }
  const flags = linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
  check(
    'mount(tmpfs)',
    libc.mount('tmpfs', path, 'tmpfs', flags, Buffer.from('size=4k,mode=0\0')),
    `over ${path}`,
  )
}

export interface Ids {
  readonly uid: number
  readonly gid: number
  /** Supplementary groups. */
  readonly groups: readonly number[]
}

/**
 * Real, effective and saved ids of the whole process. From uid 0 to another this also gives up all capabilities,
 * those of programs started later included: the bounding set is emptied first, since afterwards nobody may.
 */
export function setIds({ uid, gid, groups }: Ids): void {
  if (uid !== 0 && process.geteuid?.() === 0) clearBoundingSet()
  const list = Buffer.alloc(Math.max(4, groups.length * 4))
  for (const [i, group] of groups.entries()) list.writeUInt32LE(group, i * 4)
  check('setgroups', libc.setgroups(groups.length, list), groups.join(','))
  check('setresgid', libc.setresgid(gid, gid, gid), String(gid))
  check('setresuid', libc.setresuid(uid, uid, uid), String(uid))
}

/** No program that is started from now on can gain rights, setuid programs included. */
export function setNoNewPrivs(): void {
  check('prctl(PR_SET_NO_NEW_PRIVS)', libc.prctl(linux.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
}

/**
 * Takes every capability away from all programs that this thread will become; throws KERNEL_EPERM where there is
 * one to take and no right to do it (CAP_SETPCAP).
 */
export function clearBoundingSet(): void {
  for (let capability = 0; ; capability++) {
    const held = libc.prctl(linux.PR_CAPBSET_READ, capability, 0, 0, 0)
    // EINVAL: the kernel knows no more of them.
    if (held === -1 && lastErrno() === linux.EINVAL) return
    check('prctl(PR_CAPBSET_READ)', held)
    if (held === 0) continue
    const what = `capability ${capability}`
    check('prctl(PR_CAPBSET_DROP)', libc.prctl(linux.PR_CAPBSET_DROP, capability, 0, 0, 0), what)
  }
}

/** Gives up every capability: those held, those a program could bring, and those passed on. What needs one comes before. */
export function dropCapabilities(): void {
  clearBoundingSet()
  const clear = linux.PR_CAP_AMBIENT_CLEAR_ALL
  check('prctl(PR_CAP_AMBIENT)', libc.prctl(linux.PR_CAP_AMBIENT, clear, 0, 0, 0))
  const header = Buffer.alloc(8)
  header.writeUInt32LE(linux.LINUX_CAPABILITY_VERSION_3, 0)
  // Two sets of effective, permitted and inheritable, all empty.
  check('capset', libc.capset(header, Buffer.alloc(24)))
}

/**
 * Has the kernel send `signal` to this process when the thread that started it ends. A change of ids clears it, so
 * it comes after `setIds`. Throws KERNEL_ESRCH where the parent, whose pid is `parentPid`, is gone already.
 */
export function setParentDeathSignal(signal: NodeJS.Signals, parentPid: number): void {
  const number = osConstants.signals[signal]
  check('prctl(PR_SET_PDEATHSIG)', libc.prctl(linux.PR_SET_PDEATHSIG, number, 0, 0, 0))
  if (process.ppid !== parentPid) {
    throw new KernelError('KERNEL_ESRCH', `process ${parentPid}, which started this one, has ended`)
  }
}

/** Back to what the signal does by default: Node ignores SIGPIPE, and programs inherit that. */
export function defaultSignal(signal: NodeJS.Signals): void {
  libc.signal(osConstants.signals[signal], null)
}

export interface ExecOptions {
  readonly path: string
  /** With the program's own name first. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly workingDirectory?: string
}

/** Becomes another program; returns only by throwing. Main thread only. */
export function execProcess({ path, argv, env, workingDirectory }: ExecOptions): never {
  if (process.execve === undefined) {
    throw new KernelError('KERNEL_ENOSYS', `Node ${process.version} has no process.execve; use Node 24 or 26`)
  }
  if (workingDirectory !== undefined) process.chdir(workingDirectory)
  // Node 24 aborts with a dump where execve fails; what can be known before is said before.
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) throw new KernelError('KERNEL_ENOENT', `there is no program ${path}`)
  const executable = (stats.mode & (constants.S_IXUSR | constants.S_IXGRP | constants.S_IXOTH)) !== 0
  if (!stats.isFile() || !executable) throw new KernelError('KERNEL_EACCES', `${path} is not executable`)
  try {
    return process.execve(path, argv, env)
  } catch (cause) {
    throw new KernelError(`KERNEL_${errorCode(cause) || 'EXEC'}`, `cannot become ${path}`, { cause })
  }
}

export interface PeerCredentials {
  readonly pid: number
  readonly uid: number
  readonly gid: number
}

/** Who connected to a unix socket, as the kernel noted it then. */
export function peerCredentials(fd: number): PeerCredentials {
  const struct = Buffer.alloc(12)
  const length = Buffer.from([12, 0, 0, 0])
  check('getsockopt(SO_PEERCRED)', libc.getsockopt(fd, linux.SOL_SOCKET, linux.SO_PEERCRED, struct, length))
  return { pid: struct.readInt32LE(0), uid: struct.readUInt32LE(4), gid: struct.readUInt32LE(8) }
}

/** A descriptor of a process, which stays valid when its pid is used again. */
export function openPidfd(pid: number): number {
  return check('pidfd_open', libc.syscall(linux.SYS_PIDFD_OPEN, pid, 0, 0), `process ${pid}`)
}

/** A copy of another process's descriptor; needs the right to trace it. */
export function takeFd(pidfd: number, fd: number): number {
  return check('pidfd_getfd', libc.syscall(linux.SYS_PIDFD_GETFD, pidfd, fd, 0), `descriptor ${fd}`)
}
