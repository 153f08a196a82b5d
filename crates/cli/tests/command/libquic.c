/* A server and clients that know nothing but socket calls and netinet/quic.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/quic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static int serve(const char *key, const char *cert, int connections)
{
	struct sockaddr_in addr = address("0");
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_DGRAM, IPPROTO_QUIC);

	if (listener < 0 || bind(listener, (struct sockaddr *)&addr, len) ||
	    listen(listener, 8) || getsockname(listener, (struct sockaddr *)&addr, &len))
		fail("listen", errno);
	printf("listening 127.0.0.1:%d\n", ntohs(addr.sin_port));
	fflush(stdout);
	while (connections--) {
		char words[256];
		int64_t sid = -1;
		uint32_t flags = 0;
		ssize_t got;
		int fd = accept(listener, NULL, NULL);
		int ret;

		if (fd < 0)
			fail("accept", errno);
		ret = quic_server_handshake(fd, key, cert, ALPN);
		if (ret == 0) {
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
		close(fd);
	}
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
	got = quic_recvmsg(fd, answer, sizeof(answer), &sid, &flags);
	if (got < 0)
		fail("recvmsg", errno);
	printf("%.*s\n", (int)got, answer);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr;
	int fd, ret;

	quic_set_log_func(told);
	if (argc == 5 && !strcmp(argv[1], "server"))
		return serve(argv[2], argv[3], atoi(argv[4]));
	if (argc != 5)
		return 2;
	addr = address(argv[2]);
	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_QUIC);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		fail("connect", errno);
	if (!strcmp(argv[1], "client")) {
		ret = quic_client_handshake(fd, NULL, argv[3], ALPN);
	} else if (!strcmp(argv[1], "psk")) {
		ret = quic_client_handshake(fd, "file", argv[3], ALPN);
	} else {
		quic_session_t session = quic_session_new(fd);
		char alpn[64] = "";
		size_t size = sizeof(alpn);

		quic_session_set_server_name(session, argv[3]);
		quic_session_set_alpn(session, ALPN, strlen(ALPN));
		ret = steps(session, fd);
		quic_session_get_alpn(session, alpn, &size);
		fprintf(stderr, "%s %.*s\n", quic_session_error(session), (int)size, alpn);
		quic_session_free(session);
	}
	if (ret)
		fail("handshake", -ret);
	ret = ask(fd, argv[4]);
	close(fd);
	return ret;
}
