/** Numbers of the Linux system interface (include/uapi), the same on x64 and arm64. */
export const AF_UNIX = 1
export const AF_INET = 2
export const AF_INET6 = 10
export const AF_NETLINK = 16
export const AF_PACKET = 17
export const AF_UNSPEC = 0

export const SOCK_STREAM = 1
export const SOCK_RAW = 3
export const SOCK_SEQPACKET = 5
export const SOCK_NONBLOCK = 0x800
export const SOCK_CLOEXEC = 0o2000000

export const SHUT_WR = 1

export const IPPROTO_TCP = 6

export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_ERROR = 4
export const SO_KEEPALIVE = 9
export const SO_LINGER = 13
export const SO_REUSEPORT = 15
export const SO_PEERCRED = 17
export const SO_RCVLOWAT = 18
export const SO_ACCEPTCONN = 30
export const SO_RCVBUF = 8
export const SO_MARK = 36

export const SOL_IP = 0
export const IP_FREEBIND = 15
export const IP_TRANSPARENT = 19
export const SO_ORIGINAL_DST = 80

export const SOL_IPV6 = 41
export const IPV6_V6ONLY = 26
export const IPV6_TRANSPARENT = 75
export const IPV6_FREEBIND = 78
export const IP6T_SO_ORIGINAL_DST = 80

export const TCP_NODELAY = 1
export const TCP_INFO = 11
export const TCP_KEEPIDLE = 4
export const TCP_KEEPINTVL = 5
export const TCP_KEEPCNT = 6
export const TCP_USER_TIMEOUT = 18
/** A state in TCP_INFO. */
export const TCP_ESTABLISHED = 1

export const SOL_NETLINK = 270
export const NETLINK_CAP_ACK = 10
export const NETLINK_EXT_ACK = 11

export const MSG_PEEK = 0x2
export const MSG_DONTWAIT = 0x40
export const MSG_CTRUNC = 0x8
export const MSG_TRUNC = 0x20
export const MSG_NOSIGNAL = 0x4000
export const MSG_CMSG_CLOEXEC = 0x40000000
export const SCM_RIGHTS = 1

export const CLONE_NEWNS = 0x20000
export const CLONE_NEWPID = 0x20000000
export const CLONE_NEWNET = 0x40000000
/** The network namespace of a socket, linux/sockios.h. */
export const SIOCGSKNS = 0x894c
export const F_DUPFD_CLOEXEC = 1030
/** _IO(0xb7, 3), linux/nsfs.h */
export const NS_GET_NSTYPE = 0xb703

export const MS_RDONLY = 1
export const MS_NOSUID = 2
export const MS_NODEV = 4
export const MS_NOEXEC = 8
export const MS_REMOUNT = 32
export const MS_BIND = 4096
export const MS_REC = 16384
export const MS_PRIVATE = 0x40000

export const PR_SET_PDEATHSIG = 1
export const PR_CAPBSET_READ = 23
export const PR_CAPBSET_DROP = 24
export const PR_SET_NO_NEW_PRIVS = 38
export const PR_CAP_AMBIENT = 47
export const PR_CAP_AMBIENT_CLEAR_ALL = 4
export const LINUX_CAPABILITY_VERSION_3 = 0x2008_0522

export const SYS_PIDFD_OPEN = 434
export const SYS_PIDFD_GETFD = 438

export const EINTR = 4
export const EBADF = 9
export const EAGAIN = 11
export const EINVAL = 22
export const ENFILE = 23
export const EMFILE = 24
export const EPIPE = 32
export const ECONNRESET = 104
export const EINPROGRESS = 115

// dlfcn.h, of glibc and musl
export const RTLD_NOW = 0x2
export const RTLD_NODELETE = 0x1000

// linux/eventpoll.h
export const EPOLL_CLOEXEC = 0x80000
export const EPOLL_CTL_ADD = 1
export const EPOLL_CTL_DEL = 2
export const EPOLL_CTL_MOD = 3
export const EPOLLIN = 0x001
export const EPOLLOUT = 0x004
export const EPOLLERR = 0x008
export const EPOLLHUP = 0x010
/** The highest bit, as a signed number. */
export const EPOLLET: number = 1 << 31
