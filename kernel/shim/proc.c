// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Network namespaces. /proc/net/quic and /proc/sys/net/quic: what the sockets of one are doing, and the bounds of their memory; and its
 * end, which nothing of them may outlive.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/sysctl.h>
#include <linux/wait_bit.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "socket.h"

struct quic_net {
	struct proc_dir_entry *dir;
	/* Of connections that are gone, and of datagrams that were none's. */
	atomic64_t counters[INQUIC_COUNTERS];
	/* The UDP sockets. */
	atomic_t inside;
};

static unsigned int quic_net_id;
static struct ctl_table_header *sysctls;

/* In the order of the Rust side's. */
static const char *const names[INQUIC_COUNTERS] = {
	"QuicConnCurrentEstabs", "QuicConnPassiveEstabs", "QuicConnActiveEstabs", "QuicPktRcvFastpaths",
	"QuicPktDecFastpaths",	 "QuicPktEncFastpaths",	  "QuicPktRcvBacklogs",	  "QuicPktDecBacklogs",
	"QuicPktEncBacklogs",	 "QuicPktInvHdrDrop",	  "QuicPktInvNumDrop",	  "QuicPktInvFrmDrop",
	"QuicPktRcvDrop",	 "QuicPktDecDrop",	  "QuicPktEncDrop",	  "QuicFrmRcvBufDrop",
	"QuicFrmRetrans",	 "QuicFrmOutCloses",	  "QuicFrmInCloses",
};

void inquic_count(struct net *net, u32 counter, u64 number)
{
	struct quic_net *quic = net_generic(net, quic_net_id);

	if (counter < INQUIC_COUNTERS)
		atomic64_add(number, &quic->counters[counter]);
}

/* A UDP socket is made in a namespace, whose end waits until it is gone; or is gone. */
void inquic_net_enter(struct net *net)
{
	struct quic_net *quic = net_generic(net, quic_net_id);

	atomic_inc(&quic->inside);
}

void inquic_net_leave(struct net *net)
{
	struct quic_net *quic = net_generic(net, quic_net_id);

	/* From then on the namespace may be gone: this is only the name of who waits. */
	if (atomic_dec_and_test(&quic->inside))
		wake_up_var(&quic->inside);
}

/* Keeps a namespace for a connection that goes on without its socket, which may hold none; false where it is ending already. */
bool inquic_net_get(struct net *net)
{
	return maybe_get_net(net);
}

void inquic_net_put(struct net *net)
{
	put_net(net);
}

static int show_counters(struct seq_file *seq, void *v)
{
	struct net *net = seq_file_single_net(seq);
	struct quic_net *quic = net_generic(net, quic_net_id);
	struct inquic_cell *cell = NULL;
	u64 numbers[INQUIC_COUNTERS];

	for (int i = 0; i < INQUIC_COUNTERS; i++)
		numbers[i] = atomic64_read(&quic->counters[i]);
	while ((cell = inquic_cell_next(cell, net, 0)))
		inquic_sock_count(cell, numbers);
	for (int i = 0; i < INQUIC_COUNTERS; i++)
		seq_printf(seq, "%-32s%llu\n", names[i], numbers[i]);
	/* This one is not the namespace's alone, as the bound is not. */
	seq_printf(seq, "%-32s%llu\n", "QuicMemRefused", inquic_memory_refused());
	return 0;
}

/* Who has the socket, if somebody has. */
static void show_owner(struct seq_file *seq, struct inquic_cell *cell)
{
	struct sock *sk = inquic_cell_sock(cell);

	seq_printf(seq, " %u %lu\n", sk ? from_kuid_munged(seq_user_ns(seq), sock_i_uid(sk)) : 0,
		   sk ? sock_i_ino(sk) : 0);
	if (sk)
		sock_put(sk);
}

/* A record for what the columns are called, and one for each socket of the namespace, which may say nothing. */
static void *sockets_start(struct seq_file *seq, loff_t *at)
{
	return *at ? inquic_cell_next(NULL, seq_file_net(seq), *at - 1) : SEQ_START_TOKEN;
}

static void *sockets_next(struct seq_file *seq, void *v, loff_t *at)
{
	++*at;
	return inquic_cell_next(v == SEQ_START_TOKEN ? NULL : v, seq_file_net(seq), 0);
}

static void sockets_stop(struct seq_file *seq, void *v)
{
	if (v && v != SEQ_START_TOKEN)
		inquic_cell_put(v);
}

static int show_connection(struct seq_file *seq, void *v)
{
	struct inquic_shown is;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "SOCK STATE LOCAL REMOTE UDP_ADDRESS WINDOW MSS IN_FLIGHT TX_QUEUE RX_QUEUE SNDBUF RCVBUF UID INODE\n");
		return 0;
	}
	inquic_sock_show(v, &is);
	if (!is.connection)
		return 0;
	seq_printf(seq, "%pK %u %pISpc %pISpc %pISpc %llu %u %llu %u %u %d %d", v, is.state, &is.local.sa, &is.remote.sa,
		   &is.udp.sa, is.window, is.mss, is.in_flight, is.unsent, is.unread, is.sndbuf, is.rcvbuf);
	show_owner(seq, v);
	return 0;
}

static int show_endpoint(struct seq_file *seq, void *v)
{
	struct inquic_shown is;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "SOCK STATE LOCAL UDP UID INODE\n");
		return 0;
	}
	inquic_sock_show(v, &is);
	if (is.connection || !is.local.sa.sa_family)
		return 0;
	seq_printf(seq, "%pK %u %pISpc %pISpc", v, is.state, &is.local.sa, &is.udp.sa);
	show_owner(seq, v);
	return 0;
}

static const struct seq_operations connections = {
	.start = sockets_start, .next = sockets_next, .stop = sockets_stop, .show = show_connection };
static const struct seq_operations endpoints = {
	.start = sockets_start, .next = sockets_next, .stop = sockets_stop, .show = show_endpoint };

static int __net_init net_init(struct net *net)
{
	struct quic_net *quic = net_generic(net, quic_net_id);

	quic->dir = proc_net_mkdir(net, "quic", net->proc_net);
	if (!quic->dir)
		return -ENOMEM;
	if (proc_create_net_single("snmp", 0444, quic->dir, show_counters, NULL) &&
	    proc_create_net("conns", 0444, quic->dir, &connections, sizeof(struct seq_net_private)) &&
	    proc_create_net("eps", 0444, quic->dir, &endpoints, sizeof(struct seq_net_private)))
		return 0;
	proc_remove(quic->dir);
	return -ENOMEM;
}

/*
 * Programs are gone, and so is what they closed, which holds the namespace. Users in the kernel hold none, and have closed their sockets,
 * as they have to before it ends: what is left are connections that nobody has accepted, for which the time is up.
 */
static void __net_exit net_exit(struct net *net)
{
	struct quic_net *quic = net_generic(net, quic_net_id);
	struct inquic_cell *cell = NULL;

	proc_remove(quic->dir);
	while ((cell = inquic_cell_next(cell, net, 0)))
		inquic_sock_close(cell, 0);
	wait_var_event(&quic->inside, !atomic_read(&quic->inside));
}

static struct pernet_operations net_operations = {
	.init = net_init,
	.exit = net_exit,
	.id = &quic_net_id,
	.size = sizeof(struct quic_net),
};

static int buffer_min = 4096;

static struct ctl_table table[] = {
	{ .procname = "quic_mem", .data = inquic_mem, .maxlen = sizeof(inquic_mem), .mode = 0644,
	  .proc_handler = proc_doulongvec_minmax },
	{ .procname = "quic_rmem", .data = inquic_rmem, .maxlen = sizeof(inquic_rmem), .mode = 0644,
	  .proc_handler = proc_dointvec_minmax, .extra1 = &buffer_min },
	{ .procname = "quic_wmem", .data = inquic_wmem, .maxlen = sizeof(inquic_wmem), .mode = 0644,
	  .proc_handler = proc_dointvec_minmax, .extra1 = &buffer_min },
};

int inquic_proc_init(void)
{
	int err = register_pernet_subsys(&net_operations);

	if (err)
		return err;
	sysctls = register_net_sysctl_sz(&init_net, "net/quic", table, ARRAY_SIZE(table));
	if (!sysctls) {
		unregister_pernet_subsys(&net_operations);
		return -ENOMEM;
	}
	return 0;
}

void inquic_proc_exit(void)
{
	unregister_net_sysctl_table(sysctls);
	unregister_pernet_subsys(&net_operations);
}
