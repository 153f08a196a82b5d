/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The TLS handshake of QUIC sockets, and messages of their streams: libquic. Link with -lquic, or with what
 * `pkg-config --libs libquic` says. quic(7) shows how to use it.
 *
 * Functions that return int give 0, or a negative errno value. None of them takes the descriptor away or closes it.
 */
#ifndef _NETINET_QUIC_H
#define _NETINET_QUIC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef IPPROTO_QUIC
#define IPPROTO_QUIC 261
#endif
#ifndef SOL_QUIC
#define SOL_QUIC 288
#endif

/*
 * Whole handshakes. They wait until the handshake is complete, ten seconds at most.
 *
 * A server's certificate is verified by the authorities of the system (or those that SSL_CERT_FILE names) and must be for
 * `hostname`, or for the peer's address without one. `alpns` is a list separated by commas; without one, that of the socket's
 * option ALPN is taken. A client gives NULL for `pkey_file`, a server a PEM file for each of the two.
 *
 * Or both give a file of pre-shared keys as `pkey_file`, and the server NULL for `cert_file`: a line "identity:key" for each, the key
 * in hexadecimal and of 16 bytes at least; an identity after a # is in hexadecimal, too. A client offers the first five, and a server,
 * which may have 256, takes the first of its own that is among them. Then nobody shows a certificate, and `hostname` proves nothing.
 *
 * -EKEYREJECTED: the certificate is not good, or a server has none of the client's pre-shared keys, of which the client hears as
 * -ECONNABORTED: the peer ended the handshake. -ETIMEDOUT: it took too long. -EPROTONOSUPPORT: no common protocol (ALPN). -EPROTO: the
 * peer broke a rule. -ENOENT: a file is not there, or the system trusts no authority. -EINVAL: a file or an argument cannot be used.
 * -EIO: TLS failed for a reason of its own. Others come from reading the files and from the socket.
 */
int quic_client_handshake(int sockfd, const char *pkey_file, const char *hostname, const char *alpns);
int quic_server_handshake(int sockfd, const char *pkey_file, const char *cert_file, const char *alpns);

/*
 * Sends `len` bytes on stream `sid` (-1: the active one, or the next with MSG_QUIC_STREAM_NEW), and receives, with the stream's id
 * in `*sid` (-1 for what is of no stream) and the flags of message and stream in `*flags`, which has those of recvmsg(2) before
 * the call. Both return what sendmsg(2) and recvmsg(2) do.
 */
ssize_t quic_sendmsg(int sockfd, const void *msg, size_t len, int64_t sid, uint32_t flags);
ssize_t quic_recvmsg(int sockfd, void *msg, size_t len, int64_t *sid, uint32_t *flags);

/*
 * A session: one handshake of one socket, with choices. A session is used by one thread at a time.
 */
struct quic_session;
typedef struct quic_session *quic_session_t;

/* For a connected or accepted socket, whose role it asks; NULL when `sockfd` is no open descriptor. */
quic_session_t quic_session_new(int sockfd);
void quic_session_free(quic_session_t session);

/* Choices, before the handshake: the name that the server's certificate must have (NULL: the peer's address); a PEM file of the
 * authorities to trust in place of the system's, of which a server then demands a certificate of its clients; the PEM files of a server,
 * and of a client that is asked for a certificate; a file of pre-shared keys in place of all of these; how long
 * the handshake may take. */
int quic_session_set_server_name(quic_session_t session, const char *name);
int quic_session_set_ca_file(quic_session_t session, const char *file);
int quic_session_set_certificate(quic_session_t session, const char *cert_file, const char *key_file);
int quic_session_set_psk_file(quic_session_t session, const char *file);
int quic_session_set_timeout(quic_session_t session, uint32_t milliseconds);

/* A list separated by commas, of 128 bytes at most; after the handshake, what was agreed on. `*size` has the bytes of room, then
 * those of the value; -ENOSPC when there is too little room. */
int quic_session_set_alpn(quic_session_t session, const void *data, size_t size);
int quic_session_get_alpn(quic_session_t session, void *data, size_t *size);

/* What another session resumes with: taken from a client's session once a ticket has come (-EAGAIN before that), given to
 * another before its handshake, which trusts and shows what that one did unless it is told otherwise, and resumes only then. It is a
 * name of what this process keeps, and means nothing to another process; the last 256 can be used. With NULL for `data`, `*size`
 * becomes the room that is needed; -ENOSPC when there is too little. */
int quic_session_get_data(quic_session_t session, void *data, size_t *size);
int quic_session_set_data(quic_session_t session, const void *data, size_t size);

/* Why the last call on the session failed, for people; it lives until the next call. */
const char *quic_session_error(quic_session_t session);

/* The whole handshake, as above. */
int quic_handshake(quic_session_t session);

/*
 * A handshake whose socket calls the program makes: quic_handshake_init() gives the first step in `*pstep`, which must be NULL
 * before. The program makes the call that the step describes, puts its result into `retval`, a negative errno value if it
 * failed, and calls quic_handshake_step() for the next. After -EAGAIN the next step is the same call, to be made when poll(2)
 * says so. `*pstep` is NULL when the handshake is complete. quic_handshake_deinit() ends it at any time.
 */
enum quic_handshake_step_op {
	QUIC_HANDSHAKE_STEP_OP_SENDMSG = 1,
	QUIC_HANDSHAKE_STEP_OP_RECVMSG,
};

struct quic_handshake_step_sendmsg {
	const struct msghdr *msg;
	int flags;
	ssize_t retval;
};

struct quic_handshake_step_recvmsg {
	struct msghdr *msg;
	int flags;
	ssize_t retval;
};

struct quic_handshake_step {
	enum quic_handshake_step_op op;
	union {
		struct quic_handshake_step_sendmsg s_sendmsg;
		struct quic_handshake_step_recvmsg s_recvmsg;
	};
};

int quic_handshake_init(quic_session_t session, struct quic_handshake_step **pstep);
int quic_handshake_step(quic_session_t session, struct quic_handshake_step **pstep);
void quic_handshake_deinit(quic_session_t session);

/* The log: levels as those of syslog(3), 5 at first; nothing is logged without a function. Both return what was before. */
typedef void (*quic_set_log_func_t)(int level, const char *msg);
quic_set_log_func_t quic_set_log_func(quic_set_log_func_t func);
int quic_set_log_level(int level);

#ifdef __cplusplus
}
#endif

#endif /* _NETINET_QUIC_H */
