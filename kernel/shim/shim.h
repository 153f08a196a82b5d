/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the Rust side asks of the kernel, and what it offers to it. The shim declares, moves bytes and calls; it decides nothing. */
#ifndef INQUIC_SHIM_H
#define INQUIC_SHIM_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/socket.h>
#include <linux/sockptr.h>
#include <linux/types.h>
#include <linux/wait.h>

struct net;
struct sock;
struct socket;

/* Cipher suites by their TLS numbers (RFC 9001 section 5.3). */
#define INQUIC_AES_128_GCM 0x1301
#define INQUIC_AES_256_GCM 0x1302
#define INQUIC_CHACHA20_POLY1305 0x1303
#define INQUIC_AES_128_CCM 0x1304

/* A piece of memory that is only read. */
struct inquic_bytes {
	const u8 *data;
	size_t len;
};

/* A packet in one piece of memory: header, payload, 16 bytes of tag. The payload's last `tail_len` bytes may be at `tail`. */
struct inquic_packet {
	u8 *data;
	u32 header;
	u32 payload;
	const u8 *tail;
	u32 tail_len;
	u8 nonce[12];
};

/* hash.c */
int inquic_hashes_init(void);
void inquic_hashes_exit(void);
int inquic_hmac(u32 suite, const u8 *key, size_t key_len, const struct inquic_bytes *parts, size_t count, u8 *out);

/* crypto.c */
int inquic_crypto_init(void);
void inquic_crypto_exit(void);
struct crypto_aead;
struct mask;
struct crypto_aead *inquic_aead_new(u32 suite, const u8 *key, size_t len);
void inquic_aead_free(struct crypto_aead *aead);
int inquic_aead_seal(struct crypto_aead *aead, const struct inquic_packet *packet);
int inquic_aead_open(struct crypto_aead *aead, const struct inquic_packet *packet);
struct mask *inquic_mask_new(u32 suite, const u8 *key, size_t len);
void inquic_mask_free(struct mask *mask);
int inquic_masks(const struct mask *key, const u8 *samples, u8 *masks, size_t count);

/* buffer.c: the most that crosses between a program and the Rust side, or between it and UDP, at a time. */
#define INQUIC_BUFFER (64 * 1024)
void *inquic_buffer_get(size_t len);
void inquic_buffer_put(void *buffer, size_t len);
void *inquic_buffer_renew(void *buffer);
int inquic_buffers_init(void);
void inquic_buffers_exit(void);

/* memory.c: bytes of a page of stream data, as the engine has them. */
#define INQUIC_PAGE (8 * 1024)
extern long inquic_mem[3];
int inquic_memory_init(void);
void inquic_memory_exit(void);
bool inquic_memory_full(void);
bool inquic_memory_short(void);
u64 inquic_memory_refused(void);
void *inquic_alloc(size_t size, size_t align);
void inquic_free(void *memory, size_t size);
void inquic_charge(long bytes);
void inquic_random(u8 *out, size_t len);
void inquic_bug(const u8 *text, size_t len) __noreturn;
void inquic_say(const u8 *text, size_t len);

/* cell.c */
struct inquic_cell;
int inquic_cells_init(void);
void inquic_cells_exit(void);
struct inquic_cell *inquic_cell_new(struct net *net, void *rust, void (*run)(struct inquic_cell *cell, void *rust),
				    void (*drop)(void *rust));
void *inquic_cell_value(struct inquic_cell *cell);
void inquic_cell_get(struct inquic_cell *cell);
void inquic_cell_put(struct inquic_cell *cell);
void inquic_cell_lock(struct inquic_cell *cell);
void inquic_cell_unlock(struct inquic_cell *cell);
void inquic_cell_kick(struct inquic_cell *cell);
void inquic_cell_run(struct inquic_cell *cell);
void inquic_cell_arm(struct inquic_cell *cell, u64 deadline);
void inquic_cell_attach(struct inquic_cell *cell, struct sock *sk);
bool inquic_cell_attached(struct inquic_cell *cell);
void inquic_cell_charge(struct inquic_cell *cell, int receive, int send);
void inquic_cell_wake(struct inquic_cell *cell, int error);
wait_queue_head_t *inquic_cell_queue(struct inquic_cell *cell);
struct sock *inquic_cell_sock(struct inquic_cell *cell);
bool inquic_cell_try_get(struct inquic_cell *cell);
int inquic_cell_device(struct inquic_cell *cell);
void inquic_binding_lock(void);
void inquic_binding_unlock(void);
void inquic_going_wait(void);
void inquic_ports_lock(void);
void inquic_ports_unlock(void);
u32 inquic_caller(void);
struct inquic_cell *inquic_cell_next(struct inquic_cell *before, const struct net *net, u64 skip);
u64 inquic_now(void);

/* fetch.c: a call that waits, and fetches what comes for a connection itself. */
struct inquic_fetcher {
	wait_queue_entry_t wait;
	struct hlist_node in;
	/* The connection's port, which the call holds as long as it can be asked, and the connection id that its datagrams come with. */
	struct inquic_cell *port;
	u64 id;
	/* Whether it was asked to fetch, and when. */
	bool asked;
	unsigned long since;
};

void inquic_fetchers_init(void);
void inquic_fetcher_add(struct inquic_fetcher *call, struct inquic_cell *cell);
bool inquic_fetch(struct inquic_fetcher *call);
void inquic_fetcher_remove(struct inquic_fetcher *call);
bool inquic_ask(struct inquic_cell *port, struct sock *sk);

/* udp.c */
struct inquic_address {
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

/* A train of datagrams: from where or to where, bytes of each but the last, the ECN bits of all. */
struct inquic_datagrams {
	struct inquic_address local;
	struct inquic_address remote;
	u32 segment;
	u32 ecn;
};

int inquic_udp_new(struct net *net, int family, struct inquic_cell *cell, struct socket **out);
void inquic_udp_follow(struct socket *sock, struct inquic_cell *cell);
int inquic_udp_bind(struct socket *sock, const struct inquic_address *address);
int inquic_udp_reach(struct socket *sock, const struct inquic_address *address);
int inquic_udp_setsockopt(struct socket *sock, bool maker, int level, int name, const u8 *value, size_t len);
struct sock *inquic_udp_hold(struct socket *sock);
void inquic_udp_detach(struct socket *sock);
void inquic_udp_attach(struct socket *sock, struct inquic_cell *cell);
void inquic_udp_free(struct socket *sock);
int inquic_udp_name(struct socket *sock, struct inquic_address *address);
bool inquic_udp_waits(struct socket *sock);
int inquic_udp_receive(struct socket *sock, u8 *buffer, size_t len, struct inquic_datagrams *datagrams);
int inquic_udp_send(struct socket *sock, const u8 *buffer, size_t len, const struct inquic_datagrams *datagrams);

/* proc.c */
#define INQUIC_COUNTERS 19
void inquic_count(struct net *net, u32 counter, u64 number);
void inquic_net_enter(struct net *net);
void inquic_net_leave(struct net *net);
bool inquic_net_get(struct net *net);
void inquic_net_put(struct net *net);

/* socket.c */
extern int inquic_rmem[3], inquic_wmem[3];
void inquic_buffers_most(int *send, int *receive);
int inquic_sockets_init(void);
void inquic_sockets_exit(void);
int inquic_getsockopt(struct sock *sk, int name, sockptr_t value, sockptr_t lenp);

/* What the Rust side returns, negated as an errno is, from a call that would block. */
#define INQUIC_BLOCKED 4000

/* As above, from inquic_sock_receive(): what comes next is longer than the place for it, and the program has room for more of it. */
#define INQUIC_LONGER 4001

/* A call of sendmsg, part by part. */
struct inquic_sending {
	const u8 *data;
	size_t len;
	const u8 *control;
	size_t control_len;
	u32 flags;
	/* Whether the program has more for the same message. */
	u32 more;
	/* The stream that the first part went to, plus one; -1 where the message has no parts. */
	s64 stream;
	/* The errno of a call that may not block, and whether EPIPE brings a signal. */
	u32 blocked;
	u32 pipe;
};

/* A call of recvmsg. */
struct inquic_receiving {
	u8 *data;
	size_t len;
	/* Bytes that the program has room for, which are no fewer. */
	size_t room;
	u8 *control;
	size_t control_len;
	u32 flags;
};

/* What /proc/net/quic says of a socket. */
struct inquic_shown {
	/* Whether it is a connection, and its state by TCP's number. */
	u32 connection;
	u32 state;
	struct inquic_address local;
	struct inquic_address remote;
	struct inquic_address udp;
	u32 mss;
	u64 window;
	u64 in_flight;
	u32 unsent;
	u32 unread;
	s32 sndbuf;
	s32 rcvbuf;
};

/* The Rust side. */
int inquic_prove(void);
void inquic_defaults(int *send, int *receive);
struct inquic_cell *inquic_sock_new(struct net *net, u16 family, int type);
void inquic_sock_close(struct inquic_cell *cell, u32 linger);
int inquic_sock_over(struct inquic_cell *cell);
int inquic_sock_bind(struct inquic_cell *cell, const u8 *address, size_t len);
int inquic_sock_connect(struct inquic_cell *cell, const u8 *address, size_t len);
int inquic_sock_listen(struct inquic_cell *cell, int backlog);
int inquic_sock_accept(struct inquic_cell *cell, struct inquic_cell **out);
int inquic_sock_name(struct inquic_cell *cell, int peer, u8 *address, size_t len);
u32 inquic_sock_poll(struct inquic_cell *cell);
int inquic_sock_ioctl(struct inquic_cell *cell, u32 request, int *value);
int inquic_sock_shutdown(struct inquic_cell *cell, int how);
int inquic_sock_setsockopt(struct inquic_cell *cell, int level, int name, const u8 *value, size_t len);
int inquic_sock_getsockopt(struct inquic_cell *cell, int level, int name, const u8 *value, size_t len, u8 *out,
			   s64 *stream);
void inquic_sock_buffers(struct inquic_cell *cell, int *send, int *receive);
bool inquic_sock_leads(struct inquic_cell *cell);
void inquic_sock_follow(struct inquic_cell *cell);
struct sock *inquic_sock_udp(struct inquic_cell *cell);
int inquic_sock_error(struct inquic_cell *cell);
int inquic_sock_send(struct inquic_cell *cell, struct inquic_sending *sending);
struct inquic_cell *inquic_sock_way(struct inquic_cell *cell, u64 *id);
int inquic_sock_look(struct inquic_cell *cell, u32 flags);
int inquic_sock_receive(struct inquic_cell *cell, struct inquic_receiving *receiving);
void inquic_sock_show(struct inquic_cell *cell, struct inquic_shown *out);
void inquic_sock_count(struct inquic_cell *cell, u64 *numbers);
int inquic_stream_look(struct inquic_cell *cell, s64 stream);
int inquic_stream_read(struct inquic_cell *cell, s64 stream, u8 *data, size_t len, u32 flags);
int inquic_stream_write(struct inquic_cell *cell, s64 stream, const u8 *data, size_t len, u32 *pipe);
u32 inquic_stream_poll(struct inquic_cell *cell, s64 stream);
int inquic_stream_shutdown(struct inquic_cell *cell, s64 stream, int how);
void inquic_stream_close(struct inquic_cell *cell, s64 stream);
int inquic_stream_value(s64 stream, int descriptor, u8 *out, size_t len);

#endif
