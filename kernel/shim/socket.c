// SPDX-License-Identifier: MIT OR Apache-2.0
/* IPPROTO_QUIC for the kernel's socket layer: its calls but for those that carry data, and what it is registered as. */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/protocol.h>
#include <net/tcp_states.h>

#include "socket.h"

#define OPTION_MAX 4096
#define STREAM_DESCRIPTOR 69
/* As microseconds it has to fit into 32 bits. */
#define LINGER_MAX (3600L * HZ)

/* The least, the usual and the most bytes of a buffer: /proc/sys/net/quic. */
int inquic_rmem[3] = { 4096, 0, 8 << 20 }, inquic_wmem[3] = { 4096, 0, 8 << 20 };

/* getsockopt() of level SOL_SOCKET is the kernel's, and reads this. */
static void note_buffers(struct sock *sk)
{
	int send, receive;

	inquic_sock_buffers(cell_of(sk), &send, &receive);
	WRITE_ONCE(sk->sk_sndbuf, send);
	WRITE_ONCE(sk->sk_rcvbuf, receive);
}

/* The most bytes that buffers, and windows for received data, may have. */
void inquic_buffers_most(int *send, int *receive)
{
	*send = READ_ONCE(inquic_wmem[2]);
	*receive = READ_ONCE(inquic_rmem[2]);
}

/* Sets a buffer to so many bytes, of which the socket layer is told half, as programs tell it. */
static int set_buffer(struct sock *sk, int name, int bytes)
{
	int half = bytes / 2;

	return inquic_sock_setsockopt(cell_of(sk), SOL_SOCKET, name, (u8 *)&half, sizeof(half));
}

static int quic_init(struct sock *sk)
{
	struct inquic_cell *cell;

	if (inquic_memory_full())
		return -ENOMEM;
	cell = inquic_sock_new(sock_net(sk), sk->sk_family, sk->sk_type);
	if (IS_ERR(cell))
		return PTR_ERR(cell);
	((struct quic_sock *)sk)->cell = cell;
	((struct quic_sock *)sk)->stream = -1;
	/* Those of level SOL_SOCKET come to quic_setsockopt, too. */
	if (sk->sk_socket)
		set_bit(SOCK_CUSTOM_SOCKOPT, &sk->sk_socket->flags);
	inquic_cell_attach(cell, sk);
	note_buffers(sk);
	/* Whatever is usual here, unless that is what the socket has by itself. */
	if (READ_ONCE(sk->sk_sndbuf) != READ_ONCE(inquic_wmem[1]))
		set_buffer(sk, SO_SNDBUF, inquic_wmem[1]);
	if (READ_ONCE(sk->sk_rcvbuf) != READ_ONCE(inquic_rmem[1]))
		set_buffer(sk, SO_RCVBUF, inquic_rmem[1]);
	note_buffers(sk);
	return 0;
}

/* With SO_LINGER what was written is still delivered for so long, and the call waits for that. */
static void give_up(struct sock *sk, long timeout)
{
	struct inquic_cell *cell = cell_of(sk);
	int over;

	if (!cell)
		return;
	inquic_cell_attach(cell, NULL);
	inquic_sock_close(cell, jiffies_to_usecs(min(timeout, LINGER_MAX)));
	if (timeout)
		WAITING(inquic_cell_queue(cell), timeout, over, inquic_sock_over(cell));
	inquic_cell_put(cell);
	((struct quic_sock *)sk)->cell = NULL;
}

static void quic_close(struct sock *sk, long timeout)
{
	give_up(sk, timeout);
	sk->sk_state = TCP_CLOSE;
	sk_common_release(sk);
}

/* The kernel calls this alone, and not close(), where it refuses a socket that was just made. */
static void quic_destroy(struct sock *sk)
{
	give_up(sk, 0);
}

/* There are no tables of sockets: the UDP sockets below are in theirs. */
static int quic_hash(struct sock *sk)
{
	return 0;
}

static void quic_unhash(struct sock *sk)
{
}

static struct proto quic_prot = {
	.name = "QUIC",
	.owner = THIS_MODULE,
	.init = quic_init,
	.close = quic_close,
	.destroy = quic_destroy,
	.hash = quic_hash,
	.unhash = quic_unhash,
	.obj_size = sizeof(struct quic_sock),
};

static struct proto quicv6_prot = {
	.name = "QUICv6",
	.owner = THIS_MODULE,
	.init = quic_init,
	.close = quic_close,
	.destroy = quic_destroy,
	.hash = quic_hash,
	.unhash = quic_unhash,
	.obj_size = sizeof(struct quic6_sock),
	.ipv6_pinfo_offset = offsetof(struct quic6_sock, inet6),
};

static int quic_bind(struct socket *sock, struct sockaddr *address, int len)
{
	return inquic_sock_bind(cell_of(sock->sk), (const u8 *)address, len);
}

static int quic_connect(struct socket *sock, struct sockaddr *address, int len, int flags)
{
	int err = inquic_sock_connect(cell_of(sock->sk), (const u8 *)address, len);

	if (!err)
		sock->state = SS_CONNECTED;
	return err;
}

static int quic_listen(struct socket *sock, int backlog)
{
	int err = inquic_sock_listen(cell_of(sock->sk), backlog);

	if (!err)
		sock->sk->sk_state = backlog ? TCP_LISTEN : TCP_CLOSE;
	return err;
}

/* Puts below `sock` a socket like `like`; the cell is its own from now on. */
int inquic_socket_graft(struct socket *sock, const struct sock *like, bool kern, struct inquic_cell *cell, s64 stream)
{
	struct sock *sk = sk_alloc(sock_net(like), like->sk_family, GFP_KERNEL, like->sk_prot, kern);

	if (!sk)
		return -ENOMEM;
	sock_init_data(sock, sk);
	sk->sk_destruct = inet_sock_destruct;
	sk->sk_protocol = IPPROTO_QUIC;
	sk->sk_type = like->sk_type;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		inet_sk(sk)->pinet6 = &((struct quic6_sock *)sk)->inet6;
#endif
	((struct quic_sock *)sk)->cell = cell;
	((struct quic_sock *)sk)->stream = stream;
	/* To security modules it is the same as the one that it comes from. */
	security_sk_clone(like, sk);
	security_sock_graft(sk, sock);
	sock->state = SS_CONNECTED;
	return 0;
}

static int quic_accept(struct socket *sock, struct socket *newsock, struct proto_accept_arg *arg)
{
	struct sock *sk = sock->sk, *newsk;
	struct inquic_cell *cell = NULL;
	int err, over;

	WAITING(sk_sleep(sk), sock_rcvtimeo(sk, arg->flags & O_NONBLOCK), err, inquic_sock_accept(cell_of(sk), &cell));
	if (err)
		return err;
	err = inquic_socket_graft(newsock, sk, arg->kern, cell, -1);
	if (err) {
		inquic_sock_close(cell, 0);
		inquic_cell_put(cell);
		return err;
	}
	set_bit(SOCK_CUSTOM_SOCKOPT, &newsock->flags);
	newsk = newsock->sk;
	newsk->sk_ipv6only = sk->sk_ipv6only;
	newsk->sk_bound_dev_if = READ_ONCE(sk->sk_bound_dev_if);
	newsk->sk_reuse = sk->sk_reuse;
	newsk->sk_reuseport = sk->sk_reuseport;
	sock_valbool_flag(newsk, SOCK_LOCALROUTE, sock_flag(sk, SOCK_LOCALROUTE));
	newsk->sk_rcvtimeo = READ_ONCE(sk->sk_rcvtimeo);
	newsk->sk_sndtimeo = READ_ONCE(sk->sk_sndtimeo);
	WRITE_ONCE(newsk->sk_mark, READ_ONCE(sk->sk_mark));
	WRITE_ONCE(newsk->sk_priority, READ_ONCE(sk->sk_priority));
	inquic_cell_attach(cell, newsk);
	note_buffers(newsk);
	/* It may have ended before there was somebody to tell; since then it tells by itself, and then not again. */
	over = inquic_sock_error(cell);
	if (over)
		WRITE_ONCE(newsk->sk_err, over);
	return 0;
}

static int quic_getname(struct socket *sock, struct sockaddr *address, int peer)
{
	return inquic_sock_name(cell_of(sock->sk), peer, (u8 *)address, sizeof(struct sockaddr_storage));
}

static __poll_t quic_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	sock_poll_wait(file, sock, wait);
	return (__force __poll_t)inquic_sock_poll(cell_of(sock->sk));
}

static int quic_ioctl(struct socket *sock, unsigned int request, unsigned long argument)
{
	int value = 0, err = inquic_sock_ioctl(cell_of(sock->sk), request, &value);

	if (err == -ENOTTY)
		return -ENOIOCTLCMD;
	return err ?: put_user(value, (int __user *)argument);
}

static int quic_shutdown(struct socket *sock, int how)
{
	return inquic_sock_shutdown(cell_of(sock->sk), how);
}

/* What the way out of a packet depends on is the UDP socket's, which a port has one of. */
static bool is_way_out(int name)
{
	return name == SO_BINDTODEVICE || name == SO_BINDTOIFINDEX || name == SO_DONTROUTE || name == SO_MARK ||
	       name == SO_PRIORITY;
}

/* The kernel keeps what SOL_SOCKET says. Some of it is the connection's, too, and some the UDP socket's. */
static int set_general(struct socket *sock, int name, sockptr_t value, unsigned int len)
{
	struct sock *sk = sock->sk;
	int number, err;

	if (is_way_out(name) && !inquic_sock_leads(cell_of(sk)))
		return -EPERM;
	err = sock_setsockopt(sock, SOL_SOCKET, name, value, len);
	if (err)
		return err;
	switch (name) {
	case SO_SNDBUFFORCE:
		name = SO_SNDBUF;
		break;
	case SO_RCVBUFFORCE:
		name = SO_RCVBUF;
		break;
	case SO_SNDBUF:
	case SO_RCVBUF:
	case SO_REUSEPORT:
		break;
	default:
		if (is_way_out(name))
			inquic_sock_follow(cell_of(sk));
		return 0;
	}
	if (copy_from_sockptr(&number, value, sizeof(number)))
		return -EFAULT;
	if (name == SO_REUSEPORT)
		return inquic_sock_setsockopt(cell_of(sk), SOL_SOCKET, name, (u8 *)&number, sizeof(number));
	err = set_buffer(sk, name, clamp(number, 0, INT_MAX / 2) * 2);
	note_buffers(sk);
	return err;
}

static int quic_setsockopt(struct socket *sock, int level, int name, sockptr_t value, unsigned int len)
{
	u8 *bytes = NULL;
	int err;

	if (level == SOL_SOCKET)
		return set_general(sock, name, value, len);
	if (len > OPTION_MAX)
		return -EINVAL;
	if (len) {
		bytes = kmalloc(len, GFP_KERNEL_ACCOUNT);
		if (!bytes)
			return -ENOMEM;
		if (copy_from_sockptr(bytes, value, len)) {
			kfree(bytes);
			return -EFAULT;
		}
	}
	err = inquic_sock_setsockopt(cell_of(sock->sk), level, name, bytes, len);
	kfree_sensitive(bytes);
	note_buffers(sock->sk);
	return err;
}

/* Options of other levels are the UDP socket's. */
static int get_below(struct socket *sock, int level, int name, char __user *value, int __user *lenp)
{
	struct sock *udp = inquic_sock_udp(cell_of(sock->sk));
	int err;

	if (IS_ERR(udp))
		return PTR_ERR(udp);
	err = udp->sk_prot->getsockopt(udp, level, name, value, lenp);
	sock_put(udp);
	return err;
}

/* getsockopt() at level SOL_QUIC for a program or for a user in the kernel. */
static int read_option(struct sock *sk, int name, sockptr_t value, sockptr_t lenp)
{
	s64 stream;
	int len, got;
	u8 *bytes;

	if (copy_from_sockptr(&len, lenp, sizeof(len)))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	len = min(len, OPTION_MAX);
	/* What goes in, then what comes out. */
	bytes = kcalloc(2, max(len, 1), GFP_KERNEL);
	if (!bytes)
		return -ENOMEM;
	/* A program may promise more room than it has; what is not there counts as zero. */
	if (len && copy_from_sockptr(bytes, value, len) == len) {
		kfree(bytes);
		return -EFAULT;
	}
	WAITING(sk_sleep(sk), sock_sndtimeo(sk, may_not_wait(sk->sk_socket)), got,
		inquic_sock_getsockopt(cell_of(sk), SOL_QUIC, name, bytes, len, bytes + len, &stream));
	if (got >= 0 && (copy_to_sockptr(lenp, &got, sizeof(got)) || copy_to_sockptr(value, bytes + len, min(got, len))))
		got = -EFAULT;
	kfree_sensitive(bytes);
	return min(got, 0);
}

static int quic_getsockopt(struct socket *sock, int level, int name, char __user *value, int __user *lenp)
{
	if (level != SOL_QUIC)
		return get_below(sock, level, name, value, lenp);
	if (name == STREAM_DESCRIPTOR)
		return inquic_stream_open(sock, value, lenp);
	return read_option(sock->sk, name, USER_SOCKPTR(value), USER_SOCKPTR(lenp));
}

/* The same for users in the kernel, which have no table of descriptors to put one into. */
int inquic_getsockopt(struct sock *sk, int name, sockptr_t value, sockptr_t lenp)
{
	return name == STREAM_DESCRIPTOR ? -EOPNOTSUPP : read_option(sk, name, value, lenp);
}

/* What a call of a user in the kernel leaves as it was. */
struct outer {
	unsigned int scope;
	struct page_frag frag;
};

/*
 * A user in the kernel may be below a file system, which memory must not wait for then. The task may be in another socket's call that has
 * bytes of its own in the page of task_frag, where UDP's copies go as well.
 */
static struct outer enter(const struct sock *sk)
{
	struct outer outer = {};

	if (sk->sk_kern_sock) {
		outer.scope = memalloc_noio_save();
		swap(outer.frag, current->task_frag);
	}
	return outer;
}

static void leave(const struct sock *sk, struct outer outer)
{
	if (!sk->sk_kern_sock)
		return;
	swap(outer.frag, current->task_frag);
	if (outer.frag.page)
		put_page(outer.frag.page);
	memalloc_noio_restore(outer.scope);
}

static int quic_sendmsg(struct socket *sock, struct msghdr *msg, size_t total)
{
	struct outer outer = enter(sock->sk);
	int sent = inquic_sendmsg(sock, msg, total);

	leave(sock->sk, outer);
	return sent;
}

static int quic_recvmsg(struct socket *sock, struct msghdr *msg, size_t total, int flags)
{
	struct outer outer = enter(sock->sk);
	int got = inquic_recvmsg(sock, msg, total, flags);

	leave(sock->sk, outer);
	return got;
}

static const struct proto_ops quic_ops = {
	.family = PF_INET,
	.owner = THIS_MODULE,
	.release = inet_release,
	.bind = quic_bind,
	.connect = quic_connect,
	.socketpair = sock_no_socketpair,
	.accept = quic_accept,
	.getname = quic_getname,
	.poll = quic_poll,
	.ioctl = quic_ioctl,
	.listen = quic_listen,
	.shutdown = quic_shutdown,
	.setsockopt = quic_setsockopt,
	.getsockopt = quic_getsockopt,
	.sendmsg = quic_sendmsg,
	.recvmsg = quic_recvmsg,
	.mmap = sock_no_mmap,
};

static struct proto_ops quicv6_ops;

static struct inet_protosw quic_switch[] = {
	{ .type = SOCK_STREAM, .protocol = IPPROTO_QUIC, .prot = &quic_prot, .ops = &quic_ops },
	{ .type = SOCK_DGRAM, .protocol = IPPROTO_QUIC, .prot = &quic_prot, .ops = &quic_ops },
};

static struct inet_protosw quicv6_switch[] = {
	{ .type = SOCK_STREAM, .protocol = IPPROTO_QUIC, .prot = &quicv6_prot, .ops = &quicv6_ops },
	{ .type = SOCK_DGRAM, .protocol = IPPROTO_QUIC, .prot = &quicv6_prot, .ops = &quicv6_ops },
};

int inquic_sockets_init(void)
{
	int err;

	inquic_defaults(&inquic_wmem[1], &inquic_rmem[1]);
	inquic_rmem[2] = max(inquic_rmem[1], inquic_rmem[2]);
	err = proto_register(&quic_prot, 1);

	if (err)
		return err;
	err = proto_register(&quicv6_prot, 1);
	if (err) {
		proto_unregister(&quic_prot);
		return err;
	}
	quicv6_ops = quic_ops;
	quicv6_ops.family = PF_INET6;
	quicv6_ops.release = inet6_release;
	for (int i = 0; i < ARRAY_SIZE(quic_switch); i++) {
		inet_register_protosw(&quic_switch[i]);
		inet6_register_protosw(&quicv6_switch[i]);
	}
	return 0;
}

void inquic_sockets_exit(void)
{
	for (int i = 0; i < ARRAY_SIZE(quic_switch); i++) {
		inet6_unregister_protosw(&quicv6_switch[i]);
		inet_unregister_protosw(&quic_switch[i]);
	}
	proto_unregister(&quicv6_prot);
	proto_unregister(&quic_prot);
}
