/* A server and clients that know nothing but socket calls and netinet/quic.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/quic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STREAM_NEW 0x400
#define STREAM_FIN 0x200
#define ALPN "libquic-test"

static void fail(const char *what, int error)
{
	printf("%s: %s\n", what, strerror(error));
	exit(1);
}

static void told(int level, const char *msg)
{
	fprintf(stderr, "<%d> %s\n", level, msg);
}

static struct sockaddr_in address(const char *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };

	addr.sin_port = htons(atoi(port));
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return addr;
}

/* Echoes what one client says, until it is gone. */
static void serve_one(int fd, const char *key, const char *cert)
{
	char words[256];
	int64_t sid = -1;
	uint32_t flags = 0;
	ssize_t got;

	/* A minus stands for no certificate: the key is a file of pre-shared keys. */
	if (quic_server_handshake(fd, key, strcmp(cert, "-") ? cert : NULL, ALPN))
		return;
	got = quic_recvmsg(fd, words, sizeof(words), &sid, &flags);
	if (got < 0)
		fail("recvmsg", errno);
	if (!(flags & STREAM_FIN) || sid != 0)
		fail("stream", EBADMSG);
	if (quic_sendmsg(fd, words, got, sid, STREAM_FIN) != got)
		fail("sendmsg", errno);
	/* Until the client has closed. */
	flags = 0;
	while (quic_recvmsg(fd, words, sizeof(words), &sid, &flags) >= 0)
		flags = 0;
}

/* A descriptor goes to another process, or comes from one; -1 at the end. */
static int pass(int by, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .bytes = "" };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *cmsg;

	if (fd >= 0) {
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
		return sendmsg(by, &msg, 0) < 0 ? -1 : fd;
	}
	if (recvmsg(by, &msg, 0) <= 0)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	return fd;
}

/* Serves all clients at once, with nothing but poll() to wait in. */
static void serve_by_poll(int listener, const char *key, const char *cert, int connections)
{
	struct pollfd all[8] = { { .fd = listener, .events = POLLIN } };
	int used = 1, at;

	if (fcntl(listener, F_SETFL, O_NONBLOCK))
		fail("fcntl", errno);
	while (connections > 0) {
		if (poll(all, used, 60000) <= 0)
			fail("poll", errno);
		if (all[0].revents && used < 8) {
			int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

			if (fd < 0 && errno != EAGAIN)
				fail("accept4", errno);
			if (fd >= 0 && quic_server_handshake(fd, key, cert, ALPN))
				close(fd);
			else if (fd >= 0)
				all[used++] = (struct pollfd){ .fd = fd, .events = POLLIN };
		}
		for (at = 1; at < used; at++) {
			char words[256];
			int64_t sid = -1;
			uint32_t flags = 0;
			ssize_t got;

			if (!all[at].revents)
				continue;
			got = quic_recvmsg(all[at].fd, words, sizeof(words), &sid, &flags);
			if (got < 0 && errno == EAGAIN)
				continue;
			if (got >= 0) {
				if (quic_sendmsg(all[at].fd, words, got, sid, flags & STREAM_FIN) != got)
					fail("sendmsg", errno);
				continue;
			}
			close(all[at].fd);
			all[at--] = all[--used];
			connections--;
		}
	}
}

static int serve(const char *how, const char *key, const char *cert, int connections)
{
	struct sockaddr_in addr = address("0");
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_DGRAM, IPPROTO_QUIC);
	int pair[2] = { -1, -1 };

	if (listener < 0 || bind(listener, (struct sockaddr *)&addr, len) ||
	    listen(listener, 8) || getsockname(listener, (struct sockaddr *)&addr, &len))
		fail("listen", errno);
	printf("listening 127.0.0.1:%d\n", ntohs(addr.sin_port));
	fflush(stdout);
	if (!strcmp(how, "poll")) {
		serve_by_poll(listener, key, cert, connections);
		return 0;
	}
	if (!strcmp(how, "pass")) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
			fail("socketpair", errno);
		if (fork() == 0) {
			int fd;

			close(listener);
			close(pair[0]);
			while ((fd = pass(pair[1], -1)) >= 0) {
				serve_one(fd, key, cert);
				close(fd);
			}
			exit(0);
		}
		close(pair[1]);
	}
	while (connections--) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			fail("accept", errno);
		if (!strcmp(how, "fork")) {
			if (fork() == 0) {
				close(listener);
				serve_one(fd, key, cert);
				exit(0);
			}
		} else if (!strcmp(how, "pass")) {
			if (pass(pair[0], fd) < 0)
				fail("pass", errno);
		} else {
			serve_one(fd, key, cert);
		}
		close(fd);
	}
	close(pair[0]);
	while (wait(NULL) > 0)
		;
	return 0;
}

static int steps(quic_session_t session, int fd)
{
	struct quic_handshake_step *step = NULL;
	int ret = quic_handshake_init(session, &step);

	while (ret == 0 && step != NULL) {
		if (step->op == QUIC_HANDSHAKE_STEP_OP_SENDMSG) {
			step->s_sendmsg.retval =
				sendmsg(fd, step->s_sendmsg.msg, step->s_sendmsg.flags);
			if (step->s_sendmsg.retval < 0)
				step->s_sendmsg.retval = -errno;
		} else {
			struct pollfd one = { .fd = fd, .events = POLLIN };

			poll(&one, 1, 1000);
			step->s_recvmsg.retval =
				recvmsg(fd, step->s_recvmsg.msg, step->s_recvmsg.flags);
			if (step->s_recvmsg.retval < 0)
				step->s_recvmsg.retval = -errno;
		}
		ret = quic_handshake_step(session, &step);
	}
	quic_handshake_deinit(session);
	return ret;
}

/* Sends words and prints what comes back. */
static int ask(int fd, const char *words)
{
	char answer[256];
	int64_t sid = -1;
	uint32_t flags = 0;
	ssize_t got;

	if (quic_sendmsg(fd, words, strlen(words), -1, STREAM_NEW | STREAM_FIN) < 0)
		fail("sendmsg", errno);
	/* One that does not block waits in poll(). */
	while ((got = quic_recvmsg(fd, answer, sizeof(answer), &sid, &flags)) < 0 && errno == EAGAIN) {
		struct pollfd one = { .fd = fd, .events = POLLIN };

		if (poll(&one, 1, 60000) <= 0)
			fail("poll", ETIMEDOUT);
	}
	if (got < 0)
		fail("recvmsg", errno);
	printf("%.*s\n", (int)got, answer);
	return 0;
}

#define SAYS(call) printf("%s %ld\n", #call, (long)(call))
#define FAILS(call) do { long ret = (call); printf("%s %ld %d\n", #call, ret, errno); } while (0)

/* What every function says of what it cannot use. */
static int misuse(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_QUIC);
	quic_session_t session = quic_session_new(fd);
	quic_session_t none = NULL;
	struct quic_handshake_step *step = NULL, *under_way = (void *)&step;
	char bytes[129], name[16], small[4];
	size_t size = sizeof(small);
	int pair[2];

	memset(bytes, 'a', sizeof(bytes));
	if (fd < 0 || !session || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		fail("socket", errno);
	SAYS(quic_session_new(-1) == NULL);
	SAYS(quic_client_handshake(-1, NULL, "localhost", ALPN));
	SAYS(quic_server_handshake(-1, NULL, NULL, ALPN));
	SAYS(quic_client_handshake(fd, NULL, NULL, ALPN));
	SAYS(quic_client_handshake(fd, "/no/such/keys", NULL, ALPN));
	SAYS(quic_server_handshake(pair[0], NULL, NULL, ALPN));
	SAYS(quic_server_handshake(pair[0], NULL, "/no/such/certificate", ALPN));
	SAYS(quic_server_handshake(pair[0], "/no/such/key", "/no/such/certificate", ALPN));
	FAILS(quic_sendmsg(fd, NULL, 1, -1, MSG_NOSIGNAL));
	FAILS(quic_sendmsg(fd, "a", 1, -1, MSG_NOSIGNAL));
	FAILS(quic_sendmsg(-1, "a", 1, -1, MSG_NOSIGNAL));
	FAILS(quic_recvmsg(fd, NULL, 1, NULL, NULL));
	FAILS(quic_recvmsg(fd, name, 1, NULL, NULL));
	FAILS(quic_recvmsg(-1, name, 1, NULL, NULL));
	SAYS(quic_session_set_server_name(none, "localhost"));
	SAYS(quic_session_set_server_name(session, NULL));
	SAYS(quic_session_set_ca_file(none, "ca.pem"));
	SAYS(quic_session_set_ca_file(session, NULL));
	SAYS(quic_session_set_certificate(none, "cert.pem", "key.pem"));
	SAYS(quic_session_set_certificate(session, NULL, "key.pem"));
	SAYS(quic_session_set_certificate(session, "cert.pem", NULL));
	SAYS(quic_session_set_psk_file(none, "keys"));
	SAYS(quic_session_set_psk_file(session, NULL));
	SAYS(quic_session_set_timeout(none, 1));
	SAYS(quic_session_set_timeout(session, 1));
	SAYS(quic_session_set_alpn(none, ALPN, 12));
	SAYS(quic_session_set_alpn(session, NULL, 12));
	SAYS(quic_session_set_alpn(session, " , ", 3));
	SAYS(quic_session_set_alpn(session, bytes, 128));
	SAYS(quic_session_set_alpn(session, bytes, 129));
	SAYS(strlen(quic_session_error(session)) > 0);
	SAYS(quic_session_set_alpn(session, ALPN, 12));
	SAYS(strlen(quic_session_error(session)));
	SAYS(quic_session_get_alpn(none, small, &size));
	SAYS(quic_session_get_alpn(session, small, NULL));
	SAYS(quic_session_get_alpn(session, small, &size));
	SAYS(size);
	size = 0;
	SAYS(quic_session_get_alpn(session, NULL, &size));
	SAYS(size);
	SAYS(quic_session_get_data(none, name, &size));
	SAYS(quic_session_get_data(session, name, NULL));
	SAYS(quic_session_get_data(session, NULL, &size));
	SAYS(size);
	size = sizeof(small);
	SAYS(quic_session_get_data(session, small, &size));
	SAYS(size);
	SAYS(quic_session_get_data(session, name, &size));
	SAYS(quic_session_set_data(none, name, 16));
	SAYS(quic_session_set_data(session, NULL, 16));
	SAYS(quic_session_set_data(session, bytes, 16));
	SAYS(quic_session_set_data(session, bytes, 0));
	SAYS(quic_handshake(none));
	SAYS(quic_handshake_init(none, &step));
	SAYS(quic_handshake_init(session, NULL));
	SAYS(quic_handshake_init(session, &under_way));
	SAYS(quic_handshake_step(none, &step));
	SAYS(quic_handshake_step(session, NULL));
	SAYS(quic_handshake_step(session, &step));
	SAYS(step == NULL);
	SAYS(strcmp(quic_session_error(NULL), "no session"));
	SAYS(quic_set_log_level(7));
	SAYS(quic_set_log_level(5));
	SAYS(quic_set_log_func(NULL) == told);
	SAYS(quic_set_log_func(told) == NULL);
	quic_handshake_deinit(NULL);
	quic_handshake_deinit(session);
	quic_session_free(NULL);
	quic_session_free(session);
	/* The socket is the program's still. */
	SAYS(close(fd));
	return 0;
}

/* Takes what a session remembers once a ticket has come, for another connection. */
static int remember(quic_session_t session, char *data, size_t *size)
{
	int tries = 0, ret;

	while ((ret = quic_session_get_data(session, data, size)) == -EAGAIN && tries++ < 3000)
		usleep(10000);
	return ret;
}

int main(int argc, char **argv)
{
	char data[64];
	size_t kept = 0;
	int first = 0;
	struct sockaddr_in addr;
	int fd, ret;

	quic_set_log_func(told);
	if (argc == 2 && !strcmp(argv[1], "misuse"))
		return misuse();
	if (argc == 6 && !strcmp(argv[1], "server"))
		return serve(argv[2], argv[3], argv[4], atoi(argv[5]));
	if (argc != 5)
		return 2;
	addr = address(argv[2]);
again:
	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_QUIC);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		fail("connect", errno);
	if (!strcmp(argv[1], "poll") && fcntl(fd, F_SETFL, O_NONBLOCK))
		fail("fcntl", errno);
	if (!strcmp(argv[1], "client") || !strcmp(argv[1], "poll")) {
		ret = quic_client_handshake(fd, NULL, argv[3], ALPN);
	} else if (!strcmp(argv[1], "psk")) {
		ret = quic_client_handshake(fd, getenv("PSK_FILE"), argv[3], ALPN);
	} else {
		quic_session_t session = quic_session_new(fd);
		char alpn[64] = "";
		size_t size = sizeof(alpn);

		quic_session_set_server_name(session, argv[3]);
		quic_session_set_psk_file(session, getenv("PSK_FILE"));
		quic_session_set_alpn(session, ALPN, strlen(ALPN));
		if (kept && quic_session_set_data(session, data, kept))
			fail("set_data", EINVAL);
		ret = steps(session, fd);
		quic_session_get_alpn(session, alpn, &size);
		fprintf(stderr, "%s %.*s\n", quic_session_error(session), (int)size, alpn);
		if (ret == 0 && !strcmp(argv[1], "twice") && kept == 0) {
			kept = sizeof(data);
			ret = remember(session, data, &kept);
			first = 1;
		}
		quic_session_free(session);
	}
	if (ret)
		fail("handshake", -ret);
	ret = ask(fd, argv[4]);
	close(fd);
	if (first) {
		first = 0;
		goto again;
	}
	return ret;
}
