/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * QUIC sockets for users in the kernel. A socket of sock_create_kern() takes kernel_bind(), kernel_listen(), kernel_accept(),
 * kernel_connect(), kernel_sendmsg() and kernel_recvmsg() with the control messages of the ABI; its options are set and read by the
 * calls below. TLS is made by net/handshake, for which the socket needs a file (sock_alloc_file()). Such a socket does not hold its
 * network namespace: it has to be closed, its file included, by the user's exit of pernet_operations. kernel/sample shows it all.
 */
#ifndef _LINUX_QUIC_H
#define _LINUX_QUIC_H

#include <linux/sockptr.h>
#include <uapi/linux/quic.h>

struct sock;

/* setsockopt() at level SOL_QUIC: 0 or a negative errno. May sleep. */
int quic_do_setsockopt(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen);

/*
 * getsockopt() at level SOL_QUIC: 0 or a negative errno. `optlen` is an int: the room at `optval`, then the length of the value.
 * May sleep.
 */
int quic_do_getsockopt(struct sock *sk, int optname, sockptr_t optval, sockptr_t optlen);

#endif
