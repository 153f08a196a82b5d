// SPDX-License-Identifier: MIT OR Apache-2.0
/* sendmsg() and recvmsg(): move data and control messages between a program and the Rust side, and wait for it. */
#include <linux/net.h>
#include <linux/pagemap.h>
#include <linux/quic.h>

#include "socket.h"

#define CONTROL_MAX 256

/* What a 32-bit program says ends without the padding that a structure has here. */
static void pad(u8 *control, size_t len)
{
	struct msghdr list = { .msg_control = control, .msg_controllen = len };
	struct cmsghdr *cmsg;

	for_each_cmsghdr(cmsg, &list) {
		if (CMSG_OK(&list, cmsg))
			cmsg->cmsg_len = CMSG_ALIGN(cmsg->cmsg_len);
	}
}

int inquic_sendmsg(struct socket *sock, struct msghdr *msg, size_t total)
{
	struct sock *sk = sock->sk;
	/* What was opened by the first part goes on with the stream that it opened. */
	struct inquic_sending sending = {
		/* Pages that splice brings are copied, as all is. */
		.flags = msg->msg_flags & ~(MSG_CMSG_COMPAT | MSG_DONTWAIT | MSG_SPLICE_PAGES) };
	u8 control[CONTROL_MAX] __aligned(8), *bytes;
	unsigned long end;
	int sent = 0, now;
	long timeout;

	if (msg->msg_controllen > CONTROL_MAX)
		return -EINVAL;
	if (msg->msg_controllen && msg->msg_control_is_user) {
		if (copy_from_user(control, msg->msg_control_user, msg->msg_controllen))
			return -EFAULT;
	} else if (msg->msg_controllen) {
		memcpy(control, msg->msg_control, msg->msg_controllen);
	}
	if (msg->msg_flags & MSG_CMSG_COMPAT)
		pad(control, msg->msg_controllen);
	sending.control = control;
	sending.control_len = msg->msg_controllen;
	bytes = inquic_buffer_get(min_t(size_t, total, INQUIC_BUFFER));
	if (!bytes)
		return -ENOMEM;
	timeout = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	end = jiffies + timeout;
	do {
		size_t part = min_t(size_t, total - sent, INQUIC_BUFFER), taken = 0;

		if (!copy_from_iter_full(bytes, part, &msg->msg_iter)) {
			now = -EFAULT;
			break;
		}
		sending.more = sent + part < total;
		do {
			sending.data = bytes + taken;
			sending.len = part - taken;
			WAITING(sk_sleep(sk), left_until(timeout, end), now,
				inquic_sock_send(cell_of(sk), &sending));
			if (now > 0)
				taken += now;
		} while (now > 0 && taken < part);
		sent += taken;
		/* Who makes the same call again, as rings do, goes on behind what was taken. */
		iov_iter_revert(&msg->msg_iter, part - taken);
	} while (now > 0 && sent < total && sending.stream >= 0);
	inquic_buffer_put(bytes, min_t(size_t, total, INQUIC_BUFFER));
	if (sent)
		return sent;
	if (now == -EAGAIN && sending.blocked)
		now = -sending.blocked;
	if (now == -EPIPE && sending.pipe)
		return broken_pipe(msg);
	return now;
}

/*
 * Bytes of a piece of the program's memory that can be written. A byte of each page is read and written again, so that the processor finds
 * the page: that costs a tenth of how the kernel looks for one.
 */
static size_t writeable(u8 __user *memory, size_t len)
{
	size_t at = 0;
	u8 byte;

	while (at < len) {
		if (get_user(byte, memory + at) || put_user(byte, memory + at))
			return at;
		at += PAGE_SIZE - offset_in_page(memory + at);
	}
	return len;
}

/* Bytes of a call of recvmsg that have somewhere to go. Memory that may get nothing is not touched, as others may be using it. */
size_t inquic_room(struct msghdr *msg, size_t wanted, bool written)
{
	struct iov_iter at = msg->msg_iter;
	size_t room = 0;

	if (!user_backed_iter(&at))
		return wanted;
	if (!written)
		return wanted - fault_in_iov_iter_writeable(&at, wanted);
	while (room < wanted && iov_iter_count(&at)) {
		size_t piece = min_t(size_t, wanted - room, iov_iter_single_seg_count(&at));
		size_t there = writeable(iter_iov_addr(&at), piece);

		room += there;
		if (there < piece)
			break;
		iov_iter_advance(&at, piece);
	}
	return room;
}

/* Whether the program's place for control messages is none. */
static bool has_no_control(const struct msghdr *msg)
{
	return msg->msg_control_is_user && msg->msg_controllen &&
	       fault_in_writeable(msg->msg_control_user, min_t(size_t, msg->msg_controllen, CONTROL_MAX));
}

/*
 * Receives what is there, if there is something: nobody who waits has a buffer. What has no place in the program's memory is looked
 * at only, and stays with the connection.
 */
static int receive_first(struct sock *sk, struct msghdr *msg, size_t total, struct inquic_receiving *receiving)
{
	/* Control messages are longer here than for a 32-bit program. */
	size_t len, room, most = msg->msg_flags & MSG_CMSG_COMPAT ? CONTROL_MAX : msg->msg_controllen;
	size_t control = msg->msg_controllen ? min_t(size_t, most, CONTROL_MAX) : 0;
	int got, there = inquic_sock_look(cell_of(sk), receiving->flags);
	/* Memory of the program's that nothing goes to costs nothing. */
	size_t wanted = there > 0 ? min_t(size_t, total, there) : total;
	u32 flags = receiving->flags;
	bool no_control, nowhere;

	if (there < 0)
		return there;
	room = inquic_room(msg, wanted, there);
	no_control = has_no_control(msg);
	nowhere = no_control || room < wanted;
	receiving->data = inquic_buffer_get(room);
	if (!receiving->data)
		return -ENOMEM;
	receiving->len = room;
	receiving->room = nowhere ? room : total;
	receiving->control_len = control;
	if (nowhere)
		receiving->flags |= MSG_PEEK;
	got = inquic_sock_receive(cell_of(sk), receiving);
	if (got >= 0 && nowhere && (no_control || got >= room)) {
		got = -EFAULT;
	} else if (got >= 0 && nowhere && !(flags & MSG_PEEK)) {
		/* It is shorter than the place for it. */
		receiving->flags = flags;
		receiving->room = total;
		receiving->control_len = control;
		got = inquic_sock_receive(cell_of(sk), receiving);
	}
	if (got < 0)
		receiving->flags = flags;
	len = got > 0 ? min_t(size_t, got, room) : 0;
	if (copy_to_iter(receiving->data, len, &msg->msg_iter) != len)
		got = -EFAULT;
	inquic_buffer_put(receiving->data, room);
	return got;
}

static int receive(struct sock *sk, struct msghdr *msg, size_t total, struct inquic_receiving *receiving)
{
	int got;

	do
		got = receive_first(sk, msg, total, receiving);
	while (got == -INQUIC_LONGER);
	return got;
}

int inquic_recvmsg(struct socket *sock, struct msghdr *msg, size_t total, int flags)
{
	struct sock *sk = sock->sk;
	u8 control[CONTROL_MAX] __aligned(8) = {};
	struct inquic_receiving receiving = {
		.flags = flags & ~(MSG_CMSG_COMPAT | MSG_DONTWAIT),
		.control = control,
	};
	size_t room = min_t(size_t, total, INQUIC_BUFFER);
	DEFINE_FETCHER(fetcher);
	struct cmsghdr *cmsg;
	int got;

	WAITING_FETCHING(sk_sleep(sk), sock_rcvtimeo(sk, flags & MSG_DONTWAIT), got,
			 receive(sk, msg, room, &receiving), &fetcher, cell_of(sk));
	inquic_fetcher_remove(&fetcher);
	if (got >= 0) {
		struct msghdr list = { .msg_control = control, .msg_controllen = receiving.control_len };

		for_each_cmsghdr(cmsg, &list) {
			size_t len = cmsg->cmsg_len - sizeof(*cmsg);

			if (flags & MSG_CMSG_COMPAT && cmsg->cmsg_type == QUIC_STREAM_INFO)
				len = offsetofend(struct quic_stream_info, stream_flags);
			put_cmsg(msg, cmsg->cmsg_level, cmsg->cmsg_type, len, CMSG_DATA(cmsg));
		}
		msg->msg_flags |= receiving.flags;
	}
	return got;
}
