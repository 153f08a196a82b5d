// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A user of QUIC in the kernel, to copy from: an echo server, or a client that wants its words back. TLS is made by the agent that the
 * kernel's handshake service calls (inquic-agent). All that such a user has to know is here: the file of a socket, the handshake with
 * its own deadline, streams by control messages, the end, and the network namespace, which ends though such a user has sockets in it.
 */
#define pr_fmt(text) "quic_sample: " text

#include <linux/completion.h>
#include <linux/file.h>
#include <linux/inet.h>
#include <linux/key.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/quic.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/handshake.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>

static char *role = "server";
module_param(role, charp, 0444);
MODULE_PARM_DESC(role, "server, until it is unloaded, or client, while it is loaded");

static bool everywhere;
module_param(everywhere, bool, 0444);
MODULE_PARM_DESC(everywhere, "a server in each network namespace, as long as there is one");

static char *address = "127.0.0.1";
module_param(address, charp, 0444);
MODULE_PARM_DESC(address, "where to listen, or whom to connect to");

static char *port = "4433";
module_param(port, charp, 0444);
MODULE_PARM_DESC(port, "its port");

static char *name = "localhost";
module_param(name, charp, 0444);
MODULE_PARM_DESC(name, "the name that a client's server must prove to have");

static char *alpn = "test/1";
module_param(alpn, charp, 0444);
MODULE_PARM_DESC(alpn, "the application protocol");

static char *words = "round and back";
module_param(words, charp, 0444);
MODULE_PARM_DESC(words, "what a client wants back");

static unsigned int timeout_ms = 5000;
module_param(timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "how long a handshake may take");

static int psk;
module_param(psk, int, 0444);
MODULE_PARM_DESC(psk, "serial number of a pre-shared key that stands in for certificates");

/* How long a call waits before it looks whether the module is to go. */
#define TICK (HZ / 5)
#define BUFFER 4096

/* A namespace with a server. */
struct place {
	struct end *listener;
	struct workqueue_struct *workers;
	bool stopping;
};

static unsigned int place_id;

/* A socket with its file, which the handshake service needs and which holds the socket. */
struct end {
	struct place *place;
	struct socket *sock;
	struct completion shaken;
	int status;
	struct work_struct work;
};

/* Takes the socket over, also where it fails. */
static struct end *end_new(struct socket *sock)
{
	struct end *end = kzalloc(sizeof(*end), GFP_KERNEL);
	struct file *file;

	if (!end) {
		sock_release(sock);
		return ERR_PTR(-ENOMEM);
	}
	file = sock_alloc_file(sock, O_CLOEXEC, NULL);
	if (IS_ERR(file)) {
		kfree(end);
		return ERR_CAST(file);
	}
	end->sock = sock;
	init_completion(&end->shaken);
	sock->sk->sk_rcvtimeo = TICK;
	return end;
}

/*
 * Closes the connection. An agent may have the file still; the peer hears of the end nevertheless. A worker's fput() would put it off, and
 * the namespace, which the socket does not hold, may end first.
 */
static void end_free(struct end *end)
{
	kernel_sock_shutdown(end->sock, SHUT_RDWR);
	__fput_sync(end->sock->file);
	kfree(end);
}

static struct end *end_open(struct net *net, struct sockaddr_storage *where)
{
	struct socket *sock;
	int err = inet_pton_with_scope(net, AF_UNSPEC, address, port, where);

	err = err ?: sock_create_kern(net, where->ss_family, SOCK_STREAM, IPPROTO_QUIC, &sock);
	return err ? ERR_PTR(err) : end_new(sock);
}

static int length_of(const struct sockaddr_storage *where)
{
	return where->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static int set_alpn(struct end *end)
{
	return quic_do_setsockopt(end->sock->sk, QUIC_SOCKOPT_ALPN, KERNEL_SOCKPTR(alpn), strlen(alpn));
}

static void shaken(void *data, int status, key_serial_t peer)
{
	struct end *end = data;

	end->status = -abs(status);
	complete(&end->shaken);
}

/* The service has no clock: whoever asks it for a handshake gives up by himself. */
static int handshake(struct end *end, int (*hello)(const struct tls_handshake_args *args, gfp_t flags),
		     const char *peer)
{
	struct tls_handshake_args args = {
		.ta_sock = end->sock,
		.ta_done = shaken,
		.ta_data = end,
		.ta_peername = peer,
		.ta_timeout_ms = timeout_ms,
		.ta_num_peerids = 1,
		.ta_my_peerids = { psk },
	};
	int err = hello(&args, GFP_KERNEL);

	if (err)
		return err;
	if (!wait_for_completion_timeout(&end->shaken, msecs_to_jiffies(timeout_ms))) {
		if (tls_handshake_cancel(end->sock->sk))
			return -ETIMEDOUT;
		/* It ends at this moment. */
		wait_for_completion(&end->shaken);
	}
	return end->status;
}

static int receive(struct end *end, void *data, size_t len, struct quic_stream_info *stream)
{
	u8 control[CMSG_SPACE(sizeof(*stream))] __aligned(8);
	struct msghdr msg = { .msg_control = control, .msg_controllen = sizeof(control) };
	struct kvec part = { .iov_base = data, .iov_len = len };
	int got = kernel_recvmsg(end->sock, &msg, &part, 1, len, 0);
	struct cmsghdr *cmsg;

	stream->stream_id = -1;
	if (got < 0)
		return got;
	/* What is left of the room is what is not used. */
	msg.msg_control = control;
	msg.msg_controllen = sizeof(control) - msg.msg_controllen;
	for_each_cmsghdr(cmsg, &msg)
		if (cmsg->cmsg_level == SOL_QUIC && cmsg->cmsg_type == QUIC_STREAM_INFO)
			memcpy(stream, CMSG_DATA(cmsg), sizeof(*stream));
	return got;
}

static int send(struct end *end, const void *data, size_t len, const struct quic_stream_info *stream)
{
	u8 control[CMSG_SPACE(sizeof(*stream))] __aligned(8) = {};
	struct msghdr msg = { .msg_control = control, .msg_controllen = sizeof(control), .msg_flags = MSG_NOSIGNAL };
	struct kvec part = { .iov_base = (void *)data, .iov_len = len };
	struct cmsghdr *cmsg = (struct cmsghdr *)control;
	int sent;

	cmsg->cmsg_level = SOL_QUIC;
	cmsg->cmsg_type = QUIC_STREAM_INFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(*stream));
	memcpy(CMSG_DATA(cmsg), stream, sizeof(*stream));
	sent = kernel_sendmsg(end->sock, &msg, &part, 1, len);
	if (sent < 0)
		return sent;
	return sent == len ? 0 : -EMSGSIZE;
}

static void say_end(struct end *end, const char *what, int err)
{
	struct quic_connection_close close = {};
	int len = sizeof(close);

	if (quic_do_getsockopt(end->sock->sk, QUIC_SOCKOPT_CONNECTION_CLOSE, KERNEL_SOCKPTR(&close),
			       KERNEL_SOCKPTR(&len)))
		close.errcode = 0;
	pr_info("%s: %d, closed with 0x%x\n", what, err, close.errcode);
}

/* Echoes whatever comes, until the connection ends or its namespace or the module goes. */
static int echo(struct end *end)
{
	struct quic_stream_info stream;
	u8 *data = kmalloc(BUFFER, GFP_KERNEL);
	int got = 0;

	if (!data)
		return -ENOMEM;
	while (!READ_ONCE(end->place->stopping)) {
		got = receive(end, data, BUFFER, &stream);
		if (got == -EAGAIN)
			continue;
		if (got >= 0 && stream.stream_id >= 0)
			got = send(end, data, got, &stream);
		if (got < 0)
			break;
	}
	kfree(data);
	return got;
}

static void serve(struct work_struct *work)
{
	struct end *end = container_of(work, struct end, work);
	int err = handshake(end, psk ? tls_server_hello_psk : tls_server_hello_x509, NULL);

	if (err)
		say_end(end, "server: no handshake", err);
	else
		say_end(end, "server: ended", echo(end));
	end_free(end);
}

static void take(struct work_struct *work)
{
	struct end *listener = container_of(work, struct end, work);
	struct place *place = listener->place;

	while (!READ_ONCE(place->stopping)) {
		struct socket *sock;
		struct end *end;
		int err = kernel_accept(listener->sock, &sock, 0);

		if (err == -EAGAIN)
			continue;
		if (err) {
			pr_warn("server: nobody can be accepted any more: %d\n", err);
			return;
		}
		end = end_new(sock);
		if (IS_ERR(end))
			continue;
		end->place = place;
		INIT_WORK(&end->work, serve);
		queue_work(place->workers, &end->work);
	}
}

static int listen(struct net *net, struct place *place)
{
	struct sockaddr_storage where;
	struct end *listener = end_open(net, &where);
	int err;

	if (IS_ERR(listener))
		return PTR_ERR(listener);
	err = set_alpn(listener);
	err = err ?: kernel_bind(listener->sock, (struct sockaddr *)&where, length_of(&where));
	err = err ?: kernel_listen(listener->sock, 16);
	if (err) {
		end_free(listener);
		return err;
	}
	listener->place = place;
	place->listener = listener;
	INIT_WORK(&listener->work, take);
	queue_work(place->workers, &listener->work);
	return 0;
}

static int __net_init place_init(struct net *net)
{
	struct place *place = net_generic(net, place_id);
	int err;

	if (!everywhere && !net_eq(net, &init_net))
		return 0;
	place->workers = alloc_workqueue("quic_sample", WQ_UNBOUND, 0);
	if (!place->workers)
		return -ENOMEM;
	err = listen(net, place);
	if (err)
		destroy_workqueue(place->workers);
	return err;
}

/* Nobody is in the namespace any more. Its sockets have to be closed when this returns. */
static void __net_exit place_exit(struct net *net)
{
	struct place *place = net_generic(net, place_id);

	if (!place->workers)
		return;
	WRITE_ONCE(place->stopping, true);
	/* Whoever waits looks at that soon. */
	cancel_work_sync(&place->listener->work);
	destroy_workqueue(place->workers);
	end_free(place->listener);
	pr_info("server: gone, with its namespace or the module\n");
}

static struct pernet_operations places = {
	.init = place_init,
	.exit = place_exit,
	.id = &place_id,
	.size = sizeof(struct place),
};

/* Sends the words on a stream, and compares what comes back until the stream ends. */
static int ask(struct end *end)
{
	struct quic_stream_info stream = { .stream_id = -1, .stream_flags = MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN };
	unsigned long deadline = jiffies + msecs_to_jiffies(timeout_ms);
	size_t len = strlen(words), back = 0;
	u8 *data = kmalloc(BUFFER, GFP_KERNEL);
	int got = data ? send(end, words, len, &stream) : -ENOMEM;

	stream.stream_flags = 0;
	while (got >= 0 && !(stream.stream_flags & MSG_QUIC_STREAM_FIN)) {
		got = receive(end, data, BUFFER, &stream);
		if (got == -EAGAIN && time_before(jiffies, deadline)) {
			stream.stream_flags = 0;
			got = 0;
			continue;
		}
		if (got < 0 || stream.stream_id < 0)
			continue;
		if (got > len - back || memcmp(data, words + back, got))
			got = -EBADMSG;
		else
			back += got;
	}
	kfree(data);
	if (got < 0)
		return got;
	return back == len ? 0 : -EBADMSG;
}

static int connect(void)
{
	struct sockaddr_storage where;
	struct end *end = end_open(&init_net, &where);
	int err;

	if (IS_ERR(end))
		return PTR_ERR(end);
	err = set_alpn(end);
	err = err ?: kernel_connect(end->sock, (struct sockaddr *)&where, length_of(&where), 0);
	err = err ?: handshake(end, psk ? tls_client_hello_psk : tls_client_hello_x509, name);
	if (err)
		say_end(end, "client: no handshake", err);
	else
		err = ask(end);
	if (!err)
		pr_info("client: \"%s\" came back\n", words);
	end_free(end);
	return err;
}

static bool is_client(void)
{
	return !strcmp(role, "client");
}

static int __init sample_init(void)
{
	return is_client() ? connect() : register_pernet_subsys(&places);
}

static void __exit sample_exit(void)
{
	if (!is_client())
		unregister_pernet_subsys(&places);
}

module_init(sample_init);
module_exit(sample_exit);

MODULE_DESCRIPTION("An echo over QUIC, as a user in the kernel");
MODULE_LICENSE("Dual MIT/GPL");
