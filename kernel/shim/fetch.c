// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Who waits in a call for data of a connection is asked to fetch the datagrams that come for it, in place of the port's work: that saves
 * a way through another thread. It is known by the connection id that the datagrams carry. A datagram that nobody waits for, or where
 * who was asked does not come, makes the work run.
 */
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <net/sock.h>

#include "shim.h"

/* A short header (RFC 9000 section 17.3.1) and the connection id of ours in it. */
#define HEADER 1
#define LONG 0x80
#define ID_LEN 8
#define BITS 8

/* Connection ids are random, so nobody fills one list. */
static struct list {
	spinlock_t lock;
	struct hlist_head calls;
} lists[1 << BITS];

void inquic_fetchers_init(void)
{
	for (int i = 0; i < ARRAY_SIZE(lists); i++)
		spin_lock_init(&lists[i].lock);
}

static struct list *list_of(u64 id)
{
	return &lists[hash_64(id, BITS)];
}

/* Who waits for a connection; the list is locked. */
static struct inquic_fetcher *call_for(const struct list *list, const struct inquic_cell *port, u64 id)
{
	struct inquic_fetcher *call;

	hlist_for_each_entry(call, &list->calls, in)
		if (call->id == id && call->port == port)
			return call;
	return NULL;
}

/*
 * From now on the call is asked, if it is not yet; not where the connection has no port, or nothing has come for it. It takes the place of
 * a call that waits for the same connection, and does what that was asked.
 */
void inquic_fetcher_add(struct inquic_fetcher *call, struct inquic_cell *cell)
{
	struct inquic_fetcher *before;
	struct list *list;

	if (call->port)
		return;
	call->port = inquic_sock_way(cell, &call->id);
	if (!call->port)
		return;
	list = list_of(call->id);
	spin_lock_bh(&list->lock);
	before = call_for(list, call->port, call->id);
	if (before) {
		hlist_del_init(&before->in);
		swap(call->asked, before->asked);
		call->since = before->since;
	}
	hlist_add_head(&call->in, &list->calls);
	spin_unlock_bh(&list->lock);
}

/* Whether the call was asked since it was last said, or added. */
static bool was_asked(struct inquic_fetcher *call)
{
	struct list *list = list_of(call->id);
	bool asked;

	spin_lock_bh(&list->lock);
	asked = call->asked;
	call->asked = false;
	spin_unlock_bh(&list->lock);
	return asked;
}

/* Fetches if the call was asked to; whether there may be something to receive now. */
bool inquic_fetch(struct inquic_fetcher *call)
{
	if (!call->port || !was_asked(call))
		return false;
	inquic_cell_run(call->port);
	return true;
}

/* The call is over. What it was asked and has not done, the work does. */
void inquic_fetcher_remove(struct inquic_fetcher *call)
{
	struct list *list = list_of(call->id);

	if (!call->port)
		return;
	spin_lock_bh(&list->lock);
	hlist_del_init(&call->in);
	spin_unlock_bh(&list->lock);
	if (call->asked)
		inquic_cell_kick(call->port);
	inquic_cell_put(call->port);
}

/* The connection id of the datagram that came last; false where there is none, or it is not for a connection that knows its peer. */
static bool last_id(struct sock *sk, u64 *id)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	const struct sk_buff *skb;
	u8 place[HEADER + ID_LEN];
	const u8 *bytes = NULL;

	spin_lock(&queue->lock);
	skb = skb_peek_tail(queue);
	if (skb)
		bytes = skb_header_pointer(skb, 0, sizeof(place), place);
	if (bytes && bytes[0] & LONG)
		bytes = NULL;
	if (bytes)
		memcpy(id, bytes + HEADER, ID_LEN);
	spin_unlock(&queue->lock);
	return bytes;
}

/* Asks who is in the call; false where it is not to be waited for. */
static bool asked(struct inquic_fetcher *call)
{
	/* Who does not get to run must not keep datagrams from others. */
	if (call->asked)
		return call->since == jiffies;
	call->asked = true;
	call->since = jiffies;
	woken_wake_function(&call->wait, TASK_NORMAL, 0, NULL);
	return true;
}

/* Softirq: asks who waits for the datagram that came last to the port's UDP socket to fetch it. False where the work has to. */
bool inquic_ask(struct inquic_cell *port, struct sock *sk)
{
	struct inquic_fetcher *call;
	struct list *list;
	bool comes;
	u64 id;

	if (!last_id(sk, &id))
		return false;
	list = list_of(id);
	spin_lock(&list->lock);
	call = call_for(list, port, id);
	comes = call && asked(call);
	spin_unlock(&list->lock);
	return comes;
}
