// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Memory through which data passes: between a program and the Rust side for the length of a call, between it and UDP for that of a
 * train. Stock kernels clear memory when it is allocated, and clearing 64 KiB costs more than most calls: each processor keeps some
 * for the next. The network may still have the pages of a train that was sent; nobody gets them before it is done.
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "shim.h"

#define ORDER get_order(INQUIC_BUFFER)
/* Buffers that a processor keeps: those of two calls, of two trains on their way, and some that the network has. */
#define SPARES 8

static DEFINE_PER_CPU(void *[SPARES], spares);

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
	for (int i = 0; i < SPARES; i++) {
		if (!this_cpu_cmpxchg(spares[i], NULL, buffer))
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
	if (len <= PAGE_SIZE)
		return kmalloc(max_t(size_t, len, 1), GFP_KERNEL);
	for (int i = 0; i < SPARES; i++) {
		void *buffer = this_cpu_xchg(spares[i], NULL);

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

void inquic_buffers_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		for (int i = 0; i < SPARES; i++) {
			void *buffer = per_cpu(spares[i], cpu);

			if (buffer)
				give_up(buffer);
		}
	}
}
