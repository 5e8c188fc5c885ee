/** User and system time of the calling thread so far. */
export function threadCpuMicroseconds(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}
