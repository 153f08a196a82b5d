// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Memory in which data crosses between a program and the Rust side, for the length of a call. Stock kernels clear memory when it is
 * allocated, and clearing 64 KiB for each call costs more than the call: each processor keeps buffers for the next, one for a call
 * that waits with its data and one for whoever makes room for it.
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "shim.h"

static DEFINE_PER_CPU(void *[2], spares);

/* Room for `len` bytes, INQUIC_BUFFER at most. What is in it is nobody's business: only what was written there may leave the kernel. */
void *inquic_buffer_get(size_t len)
{
	void *buffer = NULL;

	if (len <= PAGE_SIZE)
		return kmalloc(max_t(size_t, len, 1), GFP_KERNEL);
	for (int i = 0; i < ARRAY_SIZE(spares) && !buffer; i++)
		buffer = this_cpu_xchg(spares[i], NULL);
	return buffer ?: kvmalloc(INQUIC_BUFFER, GFP_KERNEL);
}

void inquic_buffer_put(void *buffer, size_t len)
{
	for (int i = 0; i < ARRAY_SIZE(spares) && len > PAGE_SIZE; i++) {
		if (!this_cpu_cmpxchg(spares[i], NULL, buffer))
			return;
	}
	kvfree(buffer);
}

void inquic_buffers_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		for (int i = 0; i < ARRAY_SIZE(spares); i++)
			kvfree(per_cpu(spares[i], cpu));
	}
}
