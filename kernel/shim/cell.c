// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A cell holds one thing of the Rust side, a connection or a UDP port, with what the kernel gives to it: a count of those
 * who have it, a lock, work that runs it in process context, a timer that asks for that work, the socket to wake, and a
 * place in the list of all sockets.
 */
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "shim.h"

struct inquic_cell {
	refcount_t refs;
	/* How often it was to run since it began to, once it has. */
	atomic_t running;
	struct mutex lock;
	/* Whether whoever has the lock asks for memory without I/O, and what of that began with the lock. */
	bool no_io;
	unsigned int scope;
	struct work_struct work;
	struct hrtimer timer;
	/* The socket of a descriptor, while there is one. */
	spinlock_t sk_lock;
	struct sock *sk;
	/* Bytes of received and of written data, which the socket is charged for. */
	int receive, send;
	/* Who waits for one of the connection's streams, or for its end. */
	wait_queue_head_t wait;
	/* What the cell takes is charged to the memory group of whoever made it. */
	struct mem_cgroup *memcg;
	/* In the list of sockets; the namespace is compared and never looked into. */
	struct list_head listed;
	const struct net *net;
	void (*run)(struct inquic_cell *cell, void *rust);
	void (*drop)(void *rust);
	void *rust;
};

#define ALL_EVENTS (EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM | EPOLLHUP | EPOLLERR | EPOLLRDHUP)

static struct workqueue_struct *workers;
static LIST_HEAD(sockets);
static DEFINE_SPINLOCK(sockets_lock);
static DEFINE_MUTEX(binding_lock);
static DEFINE_MUTEX(ports_lock);
static unsigned int binding_scope, ports_scope;
static struct lock_class_key port_key;

int inquic_cells_init(void)
{
	workers = alloc_workqueue("quic", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return workers ? 0 : -ENOMEM;
}

void inquic_cells_exit(void)
{
	destroy_workqueue(workers);
}

/*
 * Has the cell run now, in process context; where it runs already, it runs once more afterwards, in its work. A file system may be above
 * what waits for that: memory is asked for without I/O, which could wait in turn for the file system.
 */
void inquic_cell_run(struct inquic_cell *cell)
{
	struct mem_cgroup *before;
	unsigned int scope;

	if (atomic_fetch_inc(&cell->running))
		return;
	scope = memalloc_noio_save();
	before = set_active_memcg(cell->memcg);
	cell->run(cell, cell->rust);
	set_active_memcg(before);
	memalloc_noio_restore(scope);
	if (atomic_xchg(&cell->running, 0) > 1)
		inquic_cell_kick(cell);
}

static void work(struct work_struct *work)
{
	struct inquic_cell *cell = container_of(work, struct inquic_cell, work);

	inquic_cell_run(cell);
	inquic_cell_put(cell);
}

static enum hrtimer_restart expired(struct hrtimer *timer)
{
	struct inquic_cell *cell = container_of(timer, struct inquic_cell, timer);

	inquic_cell_kick(cell);
	return HRTIMER_NORESTART;
}

/* The group that pays: of the cell on whose behalf this one is made, by a worker or by who fetches in its place, else of the process. */
static struct mem_cgroup *memcg_of_maker(void)
{
#ifdef CONFIG_MEMCG
	struct mem_cgroup *memcg = current->active_memcg;

	if (!memcg && !(current->flags & PF_KTHREAD))
		return get_mem_cgroup_from_mm(current->mm);
	if (memcg)
		css_get(&memcg->css);
	return memcg;
#else
	return NULL;
#endif
}

static void memcg_put(struct mem_cgroup *memcg)
{
#ifdef CONFIG_MEMCG
	if (memcg)
		css_put(&memcg->css);
#endif
}

/* A cell with one holder, or none for want of memory; `rust` is then still the caller's. With a namespace it is a socket. */
struct inquic_cell *inquic_cell_new(struct net *net, void *rust, void (*run)(struct inquic_cell *cell, void *rust),
				    void (*drop)(void *rust))
{
	struct inquic_cell *cell = kzalloc(sizeof(*cell), GFP_KERNEL_ACCOUNT);

	if (!cell)
		return NULL;
	refcount_set(&cell->refs, 1);
	/* A socket's lock may be held when its port's is taken: to lockdep these are locks of two kinds. */
	if (net)
		mutex_init(&cell->lock);
	else
		__mutex_init(&cell->lock, "port", &port_key);
	/* A port's connections may be the kernel's own. */
	cell->no_io = !net;
	spin_lock_init(&cell->sk_lock);
	init_waitqueue_head(&cell->wait);
	INIT_LIST_HEAD(&cell->listed);
	INIT_WORK(&cell->work, work);
	hrtimer_init(&cell->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	cell->timer.function = expired;
	cell->run = run;
	cell->drop = drop;
	cell->rust = rust;
	cell->memcg = memcg_of_maker();
	/* What is closed may go on for a while without a descriptor. */
	__module_get(THIS_MODULE);
	if (net) {
		cell->net = net;
		spin_lock(&sockets_lock);
		list_add_tail(&cell->listed, &sockets);
		spin_unlock(&sockets_lock);
	}
	return cell;
}

void *inquic_cell_value(struct inquic_cell *cell)
{
	return cell->rust;
}

void inquic_cell_get(struct inquic_cell *cell)
{
	refcount_inc(&cell->refs);
}

void inquic_cell_put(struct inquic_cell *cell)
{
	if (!refcount_dec_and_test(&cell->refs))
		return;
	hrtimer_cancel(&cell->timer);
	spin_lock(&sockets_lock);
	list_del(&cell->listed);
	spin_unlock(&sockets_lock);
	cell->drop(cell->rust);
	memcg_put(cell->memcg);
	mutex_destroy(&cell->lock);
	kfree_sensitive(cell);
	/* Unloading waits for the workers, and with them for the end of this function. */
	module_put(THIS_MODULE);
}

/* As inquic_cell_get, where there may be no holder any more. */
bool inquic_cell_try_get(struct inquic_cell *cell)
{
	return refcount_inc_not_zero(&cell->refs);
}

void inquic_cell_lock(struct inquic_cell *cell)
{
	mutex_lock(&cell->lock);
	/* What it saves is what was not so before: locks need not be given back in the order in which they were taken. */
	cell->scope = READ_ONCE(cell->no_io) ? memalloc_noio_save() : 0;
}

void inquic_cell_unlock(struct inquic_cell *cell)
{
	unsigned int scope = cell->scope;

	mutex_unlock(&cell->lock);
	memalloc_noio_restore(scope);
}

/* Has the cell run soon, in process context; from any context. */
void inquic_cell_kick(struct inquic_cell *cell)
{
	if (!refcount_inc_not_zero(&cell->refs))
		return;
	/*
	 * Work that is queued already has a holder of its own. It may end at any time, so that this one is the last; a cell is not
	 * given up here, where nobody may sleep, but by work that is queued once more.
	 */
	while (!queue_work(workers, &cell->work))
		if (refcount_dec_not_one(&cell->refs))
			return;
}

/* Has the cell run at this time, in nanoseconds of inquic_now(), and not at an earlier one that was set before. */
void inquic_cell_arm(struct inquic_cell *cell, u64 deadline)
{
	hrtimer_start(&cell->timer, ns_to_ktime(deadline), HRTIMER_MODE_ABS);
}

/* Where the kernel's own getsockopt(SO_MEMINFO) looks. */
static void charge(struct sock *sk, int receive, int send)
{
	if (!sk)
		return;
	atomic_set(&sk->sk_rmem_alloc, receive);
	WRITE_ONCE(sk->sk_wmem_queued, send);
}

/* From now on wakes whoever waits for this socket, or nobody; the socket is charged for the connection's data. */
void inquic_cell_attach(struct inquic_cell *cell, struct sock *sk)
{
	spin_lock(&cell->sk_lock);
	charge(cell->sk, 0, 0);
	cell->sk = sk;
	if (sk && sk->sk_kern_sock)
		WRITE_ONCE(cell->no_io, true);
	charge(sk, cell->receive, cell->send);
	spin_unlock(&cell->sk_lock);
}

/* The connection has so many bytes of data in memory now. */
void inquic_cell_charge(struct inquic_cell *cell, int receive, int send)
{
	spin_lock(&cell->sk_lock);
	cell->receive = receive;
	cell->send = send;
	charge(cell->sk, receive, send);
	spin_unlock(&cell->sk_lock);
}

/* Whether there is a socket to tell of the end of its connection. */
bool inquic_cell_attached(struct inquic_cell *cell)
{
	return READ_ONCE(cell->sk);
}

/* Wakes whoever waits; with an errno, that of the connection's end, which SO_ERROR tells. */
void inquic_cell_wake(struct inquic_cell *cell, int error)
{
	struct sock *sk = inquic_cell_sock(cell);

	if (wq_has_sleeper(&cell->wait))
		wake_up_interruptible_poll(&cell->wait, ALL_EVENTS);
	if (!sk)
		return;
	if (error)
		WRITE_ONCE(sk->sk_err, error);
	read_lock_bh(&sk->sk_callback_lock);
	if (sk_sleep(sk))
		wake_up_interruptible_poll(sk_sleep(sk), ALL_EVENTS);
	sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_IN);
	read_unlock_bh(&sk->sk_callback_lock);
	sock_put(sk);
}

wait_queue_head_t *inquic_cell_queue(struct inquic_cell *cell)
{
	return &cell->wait;
}

/* The socket to wake, held for the caller; none if there is no descriptor. */
struct sock *inquic_cell_sock(struct inquic_cell *cell)
{
	struct sock *sk;

	spin_lock(&cell->sk_lock);
	sk = cell->sk;
	if (sk)
		sock_hold(sk);
	spin_unlock(&cell->sk_lock);
	return sk;
}

/* The device that the socket is bound to. */
int inquic_cell_device(struct inquic_cell *cell)
{
	struct sock *sk = inquic_cell_sock(cell);
	int device = 0;

	if (sk) {
		device = READ_ONCE(sk->sk_bound_dev_if);
		sock_put(sk);
	}
	return device;
}

/*
 * One bind() at a time looks for a port and makes it where there is none. It may take ports_lock and the locks of ports. What storage
 * stands on may wait for it, so whoever holds it does not wait for storage.
 */
void inquic_binding_lock(void)
{
	mutex_lock(&binding_lock);
	binding_scope = memalloc_noio_save();
}

void inquic_binding_unlock(void)
{
	unsigned int scope = binding_scope;

	mutex_unlock(&binding_lock);
	memalloc_noio_restore(scope);
}

/* Gives a port that is going the time to be gone. */
void inquic_going_wait(void)
{
	usleep_range(200, 1000);
}

/* Guards the table of ports of all namespaces. Whoever holds it takes no other lock. */
void inquic_ports_lock(void)
{
	mutex_lock(&ports_lock);
	ports_scope = memalloc_noio_save();
}

void inquic_ports_unlock(void)
{
	unsigned int scope = ports_scope;

	mutex_unlock(&ports_lock);
	memalloc_noio_restore(scope);
}

/* The user that makes a call. */
u32 inquic_caller(void)
{
	return from_kuid(&init_user_ns, current_euid());
}

/* Sockets that a reader of the list passes while nobody else may change it. */
#define PASSED_AT_ONCE 256

/*
 * The socket of a namespace that has `skip` others between it and `before`, or the start of the list, held for the caller, who gives
 * `before` back with it.
 */
struct inquic_cell *inquic_cell_next(struct inquic_cell *before, const struct net *net, u64 skip)
{
	struct inquic_cell *cell = NULL;
	struct list_head *at;
	int passed = 0;

	spin_lock(&sockets_lock);
	for (at = before ? before->listed.next : sockets.next; at != &sockets; at = at->next) {
		struct inquic_cell *next = list_entry(at, struct inquic_cell, listed);
		bool other = next->net != net || (skip && skip--);

		if (other && ++passed < PASSED_AT_ONCE)
			continue;
		if (!refcount_inc_not_zero(&next->refs))
			continue;
		if (!other) {
			cell = next;
			break;
		}
		/* Whoever makes and ends sockets does not wait for a reader to pass all that are not his. */
		spin_unlock(&sockets_lock);
		if (before)
			inquic_cell_put(before);
		cond_resched();
		before = next;
		passed = 0;
		spin_lock(&sockets_lock);
	}
	spin_unlock(&sockets_lock);
	if (before)
		inquic_cell_put(before);
	return cell;
}

u64 inquic_now(void)
{
	return ktime_get_ns();
}
