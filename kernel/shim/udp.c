// SPDX-License-Identifier: MIT OR Apache-2.0
/* UDP sockets of the kernel for the Rust side: trains of datagrams both ways, with addresses and ECN marks. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/net.h>
#include <linux/udp.h>
#include <net/inet_ecn.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/udp.h>

#include "shim.h"

#define BUFFER (4 << 20)

static int enable(struct socket *sock, int level, int name)
{
	int on = 1;

	return sock->ops->setsockopt(sock, level, name, KERNEL_SOCKPTR(&on), sizeof(on));
}

/* Softirq: the datagram stays in the socket's queue, and who waits for it is asked to fetch it, or the port. */
static void data_ready(struct sock *sk)
{
	struct inquic_cell *cell;

	read_lock_bh(&sk->sk_callback_lock);
	cell = sk->sk_user_data;
	if (cell && !inquic_ask(cell, sk))
		inquic_cell_kick(cell);
	read_unlock_bh(&sk->sk_callback_lock);
}

/* What was set on a program's socket holds for the UDP socket below it: what a packet's way out depends on. */
void inquic_udp_follow(struct socket *sock, struct inquic_cell *cell)
{
	struct sock *from = inquic_cell_sock(cell), *to = sock->sk;
	int device;
	u32 mark;

	if (!from)
		return;
	device = READ_ONCE(from->sk_bound_dev_if);
	mark = READ_ONCE(from->sk_mark);
	lock_sock(to);
	if (device != to->sk_bound_dev_if) {
		WRITE_ONCE(to->sk_bound_dev_if, device);
		if (to->sk_prot->rehash && inet_sk(to)->inet_num)
			to->sk_prot->rehash(to);
		sk_dst_reset(to);
	}
	if (mark != to->sk_mark) {
		WRITE_ONCE(to->sk_mark, mark);
		sk_dst_reset(to);
	}
	WRITE_ONCE(to->sk_priority, READ_ONCE(from->sk_priority));
	sock_valbool_flag(to, SOCK_LOCALROUTE, sock_flag(from, SOCK_LOCALROUTE));
	release_sock(to);
	sock_put(from);
}

/* Nothing can be done with it. Nobody else has the file, and it ends before the module, which it need not hold. */
static const struct file_operations none = {};

/*
 * Rules of packets' owners, as nft's skuid, look for the user in the file of the socket that sends: here, that of whoever makes the port.
 * The file is no more than that. One of the socket itself would end it, under a lock that the end of the program's socket has already.
 */
static int own(struct socket *sock)
{
	struct file *file = anon_inode_getfile("[quic]", &none, NULL, O_RDWR);

	if (IS_ERR(file))
		return PTR_ERR(file);
	sock->file = file;
	return 0;
}

/* A UDP socket that is not bound yet, for the socket in `cell`; or an errno. */
int inquic_udp_new(struct net *net, int family, struct inquic_cell *cell, struct socket **out)
{
	int never = IP_PMTUDISC_PROBE, err;
	struct socket *sock;

	err = sock_create_kern(net, family, SOCK_DGRAM, IPPROTO_UDP, &sock);
	if (err)
		return err;
	/* Without queues that hold a burst, a burst looks like loss. */
	lock_sock(sock->sk);
	sock->sk->sk_userlocks |= SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK;
	WRITE_ONCE(sock->sk->sk_rcvbuf, BUFFER);
	WRITE_ONCE(sock->sk->sk_sndbuf, BUFFER);
	release_sock(sock->sk);
	inquic_udp_follow(sock, cell);
	err = enable(sock, SOL_UDP, UDP_GRO);
	/* An IPv6 socket has IPv4 packets, too. */
	err = err ?: enable(sock, SOL_IP, IP_RECVTOS);
	err = err ?: sock->ops->setsockopt(sock, SOL_IP, IP_MTU_DISCOVER, KERNEL_SOCKPTR(&never), sizeof(never));
	if (family == AF_INET6) {
		err = err ?: enable(sock, SOL_IPV6, IPV6_RECVPKTINFO);
		err = err ?: enable(sock, SOL_IPV6, IPV6_RECVTCLASS);
		err = err ?: enable(sock, SOL_IPV6, IPV6_DONTFRAG);
	} else {
		err = err ?: enable(sock, SOL_IP, IP_PKTINFO);
	}
	err = err ?: own(sock);
	if (err) {
		sock_release(sock);
		return err;
	}
	inquic_net_enter(net);
	*out = sock;
	return 0;
}

/* SO_REUSEADDR and SO_REUSEPORT are never the UDP socket's: with them another user's could take what comes. */
int inquic_udp_bind(struct socket *sock, const struct inquic_address *address)
{
	return kernel_bind(sock, (struct sockaddr *)&address->sa, sizeof(*address));
}

/* Whether a way leads there: 0, or an errno. The socket is of no use afterwards. */
int inquic_udp_reach(struct socket *sock, const struct inquic_address *address)
{
	return kernel_connect(sock, (struct sockaddr *)&address->sa,
			      address->sa.sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in), 0);
}

/* Options that the home has set for itself, and that a program may therefore not take away from it. */
static bool is_ours(int level, int name)
{
	if (level == SOL_IP)
		return name == IP_PKTINFO || name == IP_RECVTOS || name == IP_RECVERR;
	if (level == SOL_IPV6)
		return name == IPV6_RECVPKTINFO || name == IPV6_RECVTCLASS || name == IPV6_RECVERR || name == IPV6_ADDRFORM;
	return true;
}

/* An option of level IP or IPv6, with its value in the kernel's memory; only whoever made the port may set it. */
int inquic_udp_setsockopt(struct socket *sock, bool maker, int level, int name, const u8 *value, size_t len)
{
	if (is_ours(level, name))
		return -ENOPROTOOPT;
	if (!maker)
		return -EPERM;
	return sock->ops->setsockopt(sock, level, name, KERNEL_SOCKPTR((void *)value), len);
}

/* The socket as such, held for the caller. */
struct sock *inquic_udp_hold(struct socket *sock)
{
	sock_hold(sock->sk);
	return sock->sk;
}

/* No datagram makes a cell run any more. */
void inquic_udp_detach(struct socket *sock)
{
	write_lock_bh(&sock->sk->sk_callback_lock);
	sock->sk->sk_user_data = NULL;
	write_unlock_bh(&sock->sk->sk_callback_lock);
}

/* From now on datagrams make the cell run. */
void inquic_udp_attach(struct socket *sock, struct inquic_cell *cell)
{
	struct sock *sk = sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = cell;
	sk->sk_data_ready = data_ready;
	write_unlock_bh(&sk->sk_callback_lock);
}

void inquic_udp_free(struct socket *sock)
{
	struct net *net = sock_net(sock->sk);
	struct file *file = sock->file;

	inquic_udp_detach(sock);
	/* Rules look for it under this lock. */
	write_lock_bh(&sock->sk->sk_callback_lock);
	sock->file = NULL;
	write_unlock_bh(&sock->sk->sk_callback_lock);
	sock_release(sock);
	__fput_sync(file);
	inquic_net_leave(net);
}

int inquic_udp_name(struct socket *sock, struct inquic_address *address)
{
	int len;

	memset(address, 0, sizeof(*address));
	len = kernel_getsockname(sock, &address->sa);
	return len < 0 ? len : 0;
}

static void read_control(struct msghdr *msg, struct inquic_datagrams *datagrams)
{
	struct cmsghdr *cmsg;
	u16 port = datagrams->local.v4.sin_port;

	for_each_cmsghdr(cmsg, msg) {
		void *data = CMSG_DATA(cmsg);

		if (cmsg->cmsg_level == SOL_UDP && cmsg->cmsg_type == UDP_GRO) {
			datagrams->segment = *(int *)data;
		} else if (cmsg->cmsg_level == SOL_IP && cmsg->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo *info = data;

			datagrams->local.v4 = (struct sockaddr_in){
				.sin_family = AF_INET, .sin_port = port, .sin_addr = info->ipi_addr };
		} else if (cmsg->cmsg_level == SOL_IP && cmsg->cmsg_type == IP_TOS) {
			datagrams->ecn = *(u8 *)data & INET_ECN_MASK;
		} else if (cmsg->cmsg_level == SOL_IPV6 && cmsg->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo *info = data;

			datagrams->local.v6 = (struct sockaddr_in6){
				.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = info->ipi6_addr };
		} else if (cmsg->cmsg_level == SOL_IPV6 && cmsg->cmsg_type == IPV6_TCLASS) {
			datagrams->ecn = *(int *)data & INET_ECN_MASK;
		}
	}
}

/* Whether a train waits. One that is not seen makes the cell run. */
bool inquic_udp_waits(struct socket *sock)
{
	return !skb_queue_empty_lockless(&sock->sk->sk_receive_queue) ||
	       !skb_queue_empty_lockless(&udp_sk(sock->sk)->reader_queue);
}

/* Fetches one train of datagrams; its bytes, or an errno. */
int inquic_udp_receive(struct socket *sock, u8 *buffer, size_t len, struct inquic_datagrams *datagrams)
{
	u8 control[128] __aligned(8);
	struct kvec part = { .iov_base = buffer, .iov_len = len };
	struct msghdr msg = {
		.msg_name = &datagrams->remote,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const struct inet_sock *inet = inet_sk(sock->sk);
	int got, tries = 3;

	memset(datagrams, 0, sizeof(*datagrams));
	/* The address comes with each datagram; without the lock of the socket, since both stay once it is bound. */
	datagrams->local.v4 = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = inet->inet_sport, .sin_addr.s_addr = inet->inet_rcv_saddr };
	do {
		got = kernel_recvmsg(sock, &msg, &part, 1, len, MSG_DONTWAIT);
		/* An error of an earlier datagram's says nothing of those that wait. */
	} while (got < 0 && got != -EAGAIN && tries--);
	if (got < 0)
		return got;
	/* put_cmsg has moved both behind what it wrote. */
	msg.msg_control = control;
	msg.msg_controllen = sizeof(control) - msg.msg_controllen;
	read_control(&msg, datagrams);
	if (!datagrams->segment)
		datagrams->segment = got;
	return got;
}

/* Adds a control message to those in `control`, which has room for it. */
static void put(struct msghdr *msg, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *cmsg = msg->msg_control + msg->msg_controllen;

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	msg->msg_controllen += CMSG_SPACE(len);
}

/* Adds the packets' ECN bits, which are not the program's to set, to the rest of what was set on the socket. */
static void put_mark(struct msghdr *msg, int level, int type, int set, int ecn)
{
	int mark = (set & ~INET_ECN_MASK) | ecn;

	if (mark != set)
		put(msg, level, type, &mark, sizeof(mark));
}

/* Bytes from which on the pages of a train go to the network instead of a copy: below, the copy costs less. */
#define SPLICE_LEAST (2 * PAGE_SIZE)

/* Sends a train of datagrams; 0, or an errno. Of a train of many bytes, the network may have the memory for longer than the call. */
int inquic_udp_send(struct socket *sock, const u8 *buffer, size_t len, const struct inquic_datagrams *datagrams)
{
	u8 control[128] __aligned(8) = {};
	struct kvec part = { .iov_base = (void *)buffer, .iov_len = len };
	struct msghdr msg = {
		.msg_name = (void *)&datagrams->remote,
		.msg_namelen = datagrams->remote.sa.sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
									  sizeof(struct sockaddr_in),
		.msg_control = control,
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
	};
	int sent;

	if (datagrams->segment < len) {
		u16 segment = datagrams->segment;

		put(&msg, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	}
	if (datagrams->remote.sa.sa_family == AF_INET6 && !ipv6_addr_v4mapped(&datagrams->remote.v6.sin6_addr)) {
		struct in6_pktinfo info = { .ipi6_addr = datagrams->local.v6.sin6_addr };

		if (datagrams->local.sa.sa_family == AF_INET6 && !ipv6_addr_any(&info.ipi6_addr))
			put(&msg, SOL_IPV6, IPV6_PKTINFO, &info, sizeof(info));
		if (sock->sk->sk_family == AF_INET6)
			put_mark(&msg, SOL_IPV6, IPV6_TCLASS, READ_ONCE(inet6_sk(sock->sk)->tclass), datagrams->ecn);
	} else {
		struct in_pktinfo info = {};

		if (datagrams->local.sa.sa_family == AF_INET)
			info.ipi_spec_dst = datagrams->local.v4.sin_addr;
		else if (ipv6_addr_v4mapped(&datagrams->local.v6.sin6_addr))
			info.ipi_spec_dst.s_addr = datagrams->local.v6.sin6_addr.s6_addr32[3];
		if (info.ipi_spec_dst.s_addr)
			put(&msg, SOL_IP, IP_PKTINFO, &info, sizeof(info));
		put_mark(&msg, SOL_IP, IP_TOS, READ_ONCE(inet_sk(sock->sk)->tos), datagrams->ecn);
	}
	if (!msg.msg_controllen)
		msg.msg_control = NULL;
	if (len < SPLICE_LEAST || is_vmalloc_addr(buffer)) {
		sent = kernel_sendmsg(sock, &msg, &part, 1, len);
	} else {
		struct bio_vec pages;

		bvec_set_virt(&pages, (void *)buffer, len);
		iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &pages, 1, len);
		msg.msg_flags |= MSG_SPLICE_PAGES;
		sent = sock_sendmsg(sock, &msg);
	}
	return sent < 0 ? sent : 0;
}
