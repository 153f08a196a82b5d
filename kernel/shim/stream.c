// SPDX-License-Identifier: MIT OR Apache-2.0
/* Descriptors of streams: sockets that hold a connection's cell and the number of a stream, with calls of their own. */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <linux/quic.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "socket.h"

static s64 stream_of(const struct sock *sk)
{
	return ((const struct quic_sock *)sk)->stream;
}

static int stream_release(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (!sk)
		return 0;
	inquic_stream_close(cell_of(sk), stream_of(sk));
	inquic_cell_put(cell_of(sk));
	lock_sock(sk);
	sock_orphan(sk);
	release_sock(sk);
	sock->sk = NULL;
	sock_put(sk);
	return 0;
}

static int stream_connect(struct socket *sock, struct sockaddr *address, int len, int flags)
{
	return -EISCONN;
}

static int stream_getname(struct socket *sock, struct sockaddr *address, int peer)
{
	return inquic_sock_name(cell_of(sock->sk), peer, (u8 *)address, sizeof(struct sockaddr_storage));
}

static __poll_t stream_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct inquic_cell *cell = cell_of(sock->sk);

	poll_wait(file, inquic_cell_queue(cell), wait);
	/* As sock_poll_wait does: whoever wakes looks for sleepers after it has changed something. */
	smp_mb();
	return (__force __poll_t)inquic_stream_poll(cell, stream_of(sock->sk));
}

static int stream_shutdown(struct socket *sock, int how)
{
	return inquic_stream_shutdown(cell_of(sock->sk), stream_of(sock->sk), how);
}

static int stream_setsockopt(struct socket *sock, int level, int name, sockptr_t value, unsigned int len)
{
	return -ENOPROTOOPT;
}

static int stream_getsockopt(struct socket *sock, int level, int name, char __user *value, int __user *lenp)
{
	return -ENOPROTOOPT;
}

static int stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t total)
{
	struct sock *sk = sock->sk;
	struct inquic_cell *cell = cell_of(sk);
	size_t sent = 0, most = min_t(size_t, total, INQUIC_BUFFER);
	long timeout = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	unsigned long end = jiffies + timeout;
	u32 pipe = 0;
	u8 *bytes;
	int now;

	bytes = inquic_buffer_get(most);
	if (!bytes)
		return -ENOMEM;
	do {
		size_t part = min_t(size_t, total - sent, INQUIC_BUFFER), taken = 0;

		if (!copy_from_iter_full(bytes, part, &msg->msg_iter)) {
			now = -EFAULT;
			break;
		}
		do {
			WAITING(inquic_cell_queue(cell), left_until(timeout, end), now,
				inquic_stream_write(cell, stream_of(sk), bytes + taken, part - taken, &pipe));
			if (now > 0)
				taken += now;
		} while (now > 0 && taken < part);
		sent += taken;
		/* As inquic_sendmsg does. */
		iov_iter_revert(&msg->msg_iter, part - taken);
	} while (now > 0 && sent < total);
	inquic_buffer_put(bytes, most);
	if (sent)
		return sent;
	return pipe ? broken_pipe(msg) : now;
}

/* Reads what is there, if there is something: nobody who waits has a buffer. */
static int read(struct sock *sk, struct msghdr *msg, size_t room, int flags)
{
	u8 *bytes;
	int got, there = inquic_stream_look(cell_of(sk), stream_of(sk));

	/* Memory of the program's that nothing goes to costs nothing; what comes meanwhile needs some. */
	room = min_t(size_t, room, max_t(size_t, there, PAGE_SIZE));
	/* What had no place in the program's memory would be lost. */
	if (inquic_room(msg, room, there >= room) < room)
		return -EFAULT;
	bytes = inquic_buffer_get(room);
	if (!bytes)
		return -ENOMEM;
	got = inquic_stream_read(cell_of(sk), stream_of(sk), bytes, room, flags);
	if (got > 0 && copy_to_iter(bytes, got, &msg->msg_iter) != got)
		got = -EFAULT;
	inquic_buffer_put(bytes, room);
	return got;
}

static int stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t total, int flags)
{
	struct sock *sk = sock->sk;
	size_t room = min_t(size_t, total, INQUIC_BUFFER);
	DEFINE_FETCHER(fetcher);
	int got;

	WAITING_FETCHING(inquic_cell_queue(cell_of(sk)), sock_rcvtimeo(sk, flags & MSG_DONTWAIT), got,
			 read(sk, msg, room, flags), &fetcher, cell_of(sk));
	inquic_fetcher_remove(&fetcher);
	return got;
}

static const struct proto_ops stream_ops = {
	.family = PF_INET,
	.owner = THIS_MODULE,
	.release = stream_release,
	.bind = sock_no_bind,
	.connect = stream_connect,
	.socketpair = sock_no_socketpair,
	.accept = sock_no_accept,
	.getname = stream_getname,
	.poll = stream_poll,
	.ioctl = sock_no_ioctl,
	.listen = sock_no_listen,
	.shutdown = stream_shutdown,
	.setsockopt = stream_setsockopt,
	.getsockopt = stream_getsockopt,
	.sendmsg = stream_sendmsg,
	.recvmsg = stream_recvmsg,
	.mmap = sock_no_mmap,
};

/* A socket for a stream whose number the caller gives it later. */
static int stream_new(const struct sock *sk, struct file **out)
{
	struct socket *sock;
	struct file *file;
	int err = sock_create_lite(PF_INET, SOCK_STREAM, IPPROTO_QUIC, &sock);

	if (err)
		return err;
	inquic_cell_get(cell_of(sk));
	err = inquic_socket_graft(sock, sk, false, cell_of(sk), -1);
	if (err) {
		inquic_cell_put(cell_of(sk));
		sock_release(sock);
		return err;
	}
	sock->sk->sk_type = SOCK_STREAM;
	__module_get(THIS_MODULE);
	sock->ops = &stream_ops;
	/* Where there is no file, it has released the socket. */
	file = sock_alloc_file(sock, O_CLOEXEC, NULL);
	if (IS_ERR(file))
		return PTR_ERR(file);
	*out = file;
	return 0;
}

/* getsockopt(STREAM_DESCRIPTOR): the descriptor is made first, so that no stream is without one. */
int inquic_stream_open(struct socket *sock, char __user *value, int __user *lenp)
{
	struct sock *sk = sock->sk;
	struct quic_stream_descriptor in = {}, out;
	int len, got, descriptor;
	struct file *file;
	s64 stream = -1;
	long timeout;

	if (get_user(len, lenp))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	len = min_t(int, len, sizeof(in));
	if (copy_from_user(&in, value, len))
		return -EFAULT;
	/* A stream of the peer's is received, as a connection is accepted; one of ours is sent on. */
	timeout = in.stream_id == -1 && !(in.stream_flags & MSG_QUIC_STREAM_NEW) ?
			  sock_rcvtimeo(sk, may_not_wait(sock)) :
			  sock_sndtimeo(sk, may_not_wait(sock));
	descriptor = get_unused_fd_flags(O_CLOEXEC);
	if (descriptor < 0)
		return descriptor;
	got = stream_new(sk, &file);
	if (got)
		goto no_file;
	WAITING(sk_sleep(sk), timeout, got,
		inquic_sock_getsockopt(cell_of(sk), SOL_QUIC, QUIC_SOCKOPT_STREAM_DESCRIPTOR, (u8 *)&in, len, (u8 *)&out,
				       &stream));
	if (got < 0)
		goto no_stream;
	((struct quic_sock *)sock_from_file(file)->sk)->stream = stream;
	got = inquic_stream_value(stream, descriptor, (u8 *)&out, len);
	if (put_user(got, lenp) || copy_to_user(value, &out, got)) {
		got = -EFAULT;
		goto no_stream;
	}
	fd_install(descriptor, file);
	return 0;

no_stream:
	fput(file);
no_file:
	put_unused_fd(descriptor);
	return got;
}
