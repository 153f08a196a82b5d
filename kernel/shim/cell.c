// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A cell holds one thing of the Rust side, a connection or a UDP port, with what the kernel gives to it: a count of those
 * who have it, a lock, work that runs it in process context, a timer that asks for that work, and the socket to wake.
 */
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "shim.h"

struct inquic_cell {
	refcount_t refs;
	struct mutex lock;
	struct work_struct work;
	struct hrtimer timer;
	/* The socket of a descriptor, while there is one. */
	spinlock_t sk_lock;
	struct sock *sk;
	void (*run)(struct inquic_cell *cell, void *rust);
	void (*drop)(void *rust);
	void *rust;
};

static struct workqueue_struct *workers;

int inquic_cells_init(void)
{
	workers = alloc_workqueue("quic", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return workers ? 0 : -ENOMEM;
}

void inquic_cells_exit(void)
{
	destroy_workqueue(workers);
}

static void work(struct work_struct *work)
{
	struct inquic_cell *cell = container_of(work, struct inquic_cell, work);

	cell->run(cell, cell->rust);
	inquic_cell_put(cell);
}

static enum hrtimer_restart expired(struct hrtimer *timer)
{
	struct inquic_cell *cell = container_of(timer, struct inquic_cell, timer);

	inquic_cell_kick(cell);
	return HRTIMER_NORESTART;
}

/* A cell with one holder, or none for want of memory; `rust` is then still the caller's. */
struct inquic_cell *inquic_cell_new(void *rust, void (*run)(struct inquic_cell *cell, void *rust),
				    void (*drop)(void *rust))
{
	struct inquic_cell *cell = kzalloc(sizeof(*cell), GFP_KERNEL_ACCOUNT);

	if (!cell)
		return NULL;
	refcount_set(&cell->refs, 1);
	mutex_init(&cell->lock);
	spin_lock_init(&cell->sk_lock);
	INIT_WORK(&cell->work, work);
	hrtimer_init(&cell->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	cell->timer.function = expired;
	cell->run = run;
	cell->drop = drop;
	cell->rust = rust;
	/* What is closed may go on for a while without a descriptor. */
	__module_get(THIS_MODULE);
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
	cell->drop(cell->rust);
	mutex_destroy(&cell->lock);
	kfree_sensitive(cell);
	/* Unloading waits for the workers, and with them for the end of this function. */
	module_put(THIS_MODULE);
}

void inquic_cell_lock(struct inquic_cell *cell)
{
	mutex_lock(&cell->lock);
}

void inquic_cell_unlock(struct inquic_cell *cell)
{
	mutex_unlock(&cell->lock);
}

/* Has the cell run soon, in process context; from any context. */
void inquic_cell_kick(struct inquic_cell *cell)
{
	if (!refcount_inc_not_zero(&cell->refs))
		return;
	/* The work that is queued already has a holder of its own, so this is not the last one. */
	if (!queue_work(workers, &cell->work))
		refcount_dec(&cell->refs);
}

/* Has the cell run at this time, in nanoseconds of inquic_now(); 0 is never. */
void inquic_cell_arm(struct inquic_cell *cell, u64 deadline)
{
	if (deadline)
		hrtimer_start(&cell->timer, ns_to_ktime(deadline), HRTIMER_MODE_ABS);
	else
		hrtimer_try_to_cancel(&cell->timer);
}

/* From now on wakes whoever waits for this socket, or nobody. */
void inquic_cell_attach(struct inquic_cell *cell, struct sock *sk)
{
	spin_lock(&cell->sk_lock);
	cell->sk = sk;
	spin_unlock(&cell->sk_lock);
}

void inquic_cell_wake(struct inquic_cell *cell)
{
	struct sock *sk;

	spin_lock(&cell->sk_lock);
	sk = cell->sk;
	if (sk)
		sock_hold(sk);
	spin_unlock(&cell->sk_lock);
	if (!sk)
		return;
	read_lock_bh(&sk->sk_callback_lock);
	if (sk_sleep(sk))
		wake_up_interruptible_poll(sk_sleep(sk), EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM | EPOLLHUP | EPOLLERR | EPOLLRDHUP);
	sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_IN);
	read_unlock_bh(&sk->sk_callback_lock);
	sock_put(sk);
}

u64 inquic_now(void)
{
	return ktime_get_ns();
}
