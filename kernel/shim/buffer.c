// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Memory through which data passes: between a program and the Rust side for the length of a call, between it and UDP for that of a
 * train. Stock kernels clear memory when it is allocated, and clearing 64 KiB costs more than most calls: each processor keeps some
 * for the next, until memory is short. The network may still have the pages of a train that was sent; nobody gets them before it is
 * done.
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "shim.h"

#define ORDER get_order(INQUIC_BUFFER)
/* Buffers that a processor keeps: those of two calls, and as many as the network has of a megabyte on its way. */
#define SPARES 18

/* Any processor may empty a place, so what changes one is atomic. */
static DEFINE_PER_CPU(void *[SPARES], spares);
static struct shrinker *shrinker;

/* Whether nobody else has pages of it. */
static bool is_sole(const void *buffer)
{
	return is_vmalloc_addr(buffer) || page_ref_count(virt_to_page(buffer)) == 1;
}

static void give_up(void *buffer)
{
	if (is_vmalloc_addr(buffer))
		vfree(buffer);
	else
		put_page(virt_to_page(buffer));
}

static void keep(void *buffer)
{
	void **places = raw_cpu_ptr(spares);

	for (int i = 0; i < SPARES; i++) {
		if (!READ_ONCE(places[i]) && !cmpxchg(&places[i], NULL, buffer))
			return;
	}
	give_up(buffer);
}

static void *fresh(void)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_ZERO | __GFP_NORETRY | __GFP_NOWARN, ORDER);

	return page ? page_address(page) : vzalloc(INQUIC_BUFFER);
}

/* Room for `len` bytes, INQUIC_BUFFER at most. What is in it is nobody's business: only what was written there may leave the kernel. */
void *inquic_buffer_get(size_t len)
{
	void **places = raw_cpu_ptr(spares);

	if (len <= PAGE_SIZE)
		return kmalloc(max_t(size_t, len, 1), GFP_KERNEL);
	for (int i = 0; i < SPARES; i++) {
		void *buffer = READ_ONCE(places[i]) ? xchg(&places[i], NULL) : NULL;

		if (buffer && is_sole(buffer))
			return buffer;
		if (buffer)
			keep(buffer);
	}
	return fresh();
}

void inquic_buffer_put(void *buffer, size_t len)
{
	if (len <= PAGE_SIZE)
		kfree(buffer);
	else
		keep(buffer);
}

/* A large buffer that the network has nothing of: this one, or another in its place; none for want of memory. */
void *inquic_buffer_renew(void *buffer)
{
	if (is_sole(buffer))
		return buffer;
	keep(buffer);
	return inquic_buffer_get(INQUIC_BUFFER);
}

static unsigned long count(struct shrinker *shrinker, struct shrink_control *control)
{
	unsigned long pages = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		for (int i = 0; i < SPARES; i++)
			pages += READ_ONCE(per_cpu(spares[i], cpu)) ? 1 << ORDER : 0;
	}
	return pages ?: SHRINK_EMPTY;
}

static unsigned long scan(struct shrinker *shrinker, struct shrink_control *control)
{
	unsigned long pages = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		for (int i = 0; i < SPARES && pages < control->nr_to_scan; i++) {
			void *buffer = xchg(per_cpu_ptr(&spares[i], cpu), NULL);

			if (buffer) {
				give_up(buffer);
				pages += 1 << ORDER;
			}
		}
	}
	return pages ?: SHRINK_STOP;
}

int inquic_buffers_init(void)
{
	shrinker = shrinker_alloc(0, "inquic-buffers");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker_register(shrinker);
	return 0;
}

void inquic_buffers_exit(void)
{
	struct shrink_control all = { .nr_to_scan = ULONG_MAX };

	shrinker_free(shrinker);
	scan(NULL, &all);
}
