// SPDX-License-Identifier: MIT OR Apache-2.0
/* The options of QUIC sockets for users in the kernel; all other calls are those of the kernel's own sockets. */
#include <linux/export.h>
#include <linux/net.h>
#include <linux/quic.h>
#include <net/sock.h>

#include "shim.h"

int quic_do_setsockopt(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	struct socket *sock = sk->sk_socket;

	if (sk->sk_protocol != IPPROTO_QUIC || !sock)
		return -EINVAL;
	return sock->ops->setsockopt(sock, SOL_QUIC, optname, optval, optlen);
}
EXPORT_SYMBOL(quic_do_setsockopt);

int quic_do_getsockopt(struct sock *sk, int optname, sockptr_t optval, sockptr_t optlen)
{
	if (sk->sk_protocol != IPPROTO_QUIC || !sk->sk_socket)
		return -EINVAL;
	return inquic_getsockopt(sk, optname, optval, optlen);
}
EXPORT_SYMBOL(quic_do_getsockopt);
