/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the sockets of connections and those of streams have in common. */
#ifndef INQUIC_SOCKET_H
#define INQUIC_SOCKET_H

#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/ipv6.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/uio.h>
#include <net/sock.h>

#include "shim.h"

#define IPPROTO_QUIC 261
#define SOL_QUIC 288

struct quic_sock {
	struct inet_sock inet;
	struct inquic_cell *cell;
	/* The stream, where the socket is the descriptor of one. */
	s64 stream;
};

struct quic6_sock {
	struct quic_sock quic;
	struct ipv6_pinfo inet6;
};

static inline struct inquic_cell *cell_of(const struct sock *sk)
{
	return ((const struct quic_sock *)sk)->cell;
}

/* Whether calls that have no flags may not wait. */
static inline bool may_not_wait(const struct socket *sock)
{
	return sock->file && sock->file->f_flags & O_NONBLOCK;
}

/* EPIPE, with the signal that it brings unless the program does not want it. Why the connection has ended, SO_ERROR tells. */
static inline int broken_pipe(const struct msghdr *msg)
{
	if (!(msg->msg_flags & MSG_NOSIGNAL))
		send_sig(SIGPIPE, current, 0);
	return -EPIPE;
}

/* What is left of the time that a call may wait, which is over at `end`: no time and endless time stay what they are. */
static inline long left_until(long timeout, unsigned long end)
{
	return timeout && timeout != MAX_SCHEDULE_TIMEOUT ? max_t(long, end - jiffies, 0) : timeout;
}

/* A call that waits, if need be, and is not asked to fetch anything yet. */
#define DEFINE_FETCHER(name)                                                                     \
	struct inquic_fetcher name = {                                                           \
		.wait = { .private = current, .func = woken_wake_function,                       \
			  .entry = LIST_HEAD_INIT((name).wait.entry) } }

/*
 * Calls again until the call does not block, for as long as it may; `queue` is woken when it may not block any more. With a connection's
 * cell in `fetching` it fetches what comes for that connection itself once it waits, and can be asked to until the fetcher is removed.
 */
#define WAITING_FETCHING(queue, timeout, result, call, fetcher, fetching)                        \
	do {                                                                                     \
		struct inquic_fetcher *who = (fetcher);                                          \
		struct inquic_cell *whose = (fetching);                                          \
		long left = (timeout);                                                           \
		unsigned long end = jiffies + left;                                              \
		bool queued = false;                                                             \
                                                                                                 \
		for (;;) {                                                                       \
			(result) = (call);                                                       \
			if ((result) != -INQUIC_BLOCKED)                                         \
				break;                                                           \
			/* What is done for others while it waits is part of the time. */        \
			left = left_until(left, end);                                            \
			if (!left) {                                                             \
				(result) = -EAGAIN;                                              \
				break;                                                           \
			}                                                                        \
			if (signal_pending(current)) {                                           \
				(result) = sock_intr_errno(left);                                \
				break;                                                           \
			}                                                                        \
			if (!queued) {                                                           \
				/* What has come meanwhile, the next call finds. */              \
				add_wait_queue(queue, &who->wait);                               \
				if (whose)                                                       \
					inquic_fetcher_add(who, whose);                          \
				queued = true;                                                   \
			} else if (!inquic_fetch(who)) {                                         \
				wait_woken(&who->wait, TASK_INTERRUPTIBLE, left);                \
				inquic_fetch(who);                                               \
			}                                                                        \
		}                                                                                \
		if (queued)                                                                      \
			remove_wait_queue(queue, &who->wait);                                    \
	} while (0)

#define WAITING(queue, timeout, result, call)                                                    \
	do {                                                                                     \
		DEFINE_FETCHER(nobody);                                                          \
                                                                                                 \
		WAITING_FETCHING(queue, timeout, result, call, &nobody, NULL);                   \
	} while (0)

/* socket.c */
int inquic_socket_graft(struct socket *sock, const struct sock *like, bool kern, struct inquic_cell *cell, s64 stream);

/* message.c */
int inquic_sendmsg(struct socket *sock, struct msghdr *msg, size_t total);
int inquic_recvmsg(struct socket *sock, struct msghdr *msg, size_t total, int flags);
size_t inquic_room(struct msghdr *msg, size_t wanted, bool written);

/* stream.c: the value of getsockopt(STREAM_DESCRIPTOR). */
int inquic_stream_open(struct socket *sock, char __user *value, int __user *lenp);

/* proc.c */
int inquic_proc_init(void);
void inquic_proc_exit(void);

#endif
