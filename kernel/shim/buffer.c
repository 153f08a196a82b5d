// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Memory in which data crosses between a program and the Rust side, for the length of a call. Stock kernels clear memory when it is
 * allocated, and clearing 64 KiB for each call costs more than the call: each processor keeps one buffer for the next.
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "shim.h"

static DEFINE_PER_CPU(void *, spare);

/* Room for `len` bytes, INQUIC_BUFFER at most. What is in it is nobody's business: only what was written there may leave the kernel. */
void *inquic_buffer_get(size_t len)
{
	void *buffer;

	if (len <= PAGE_SIZE)
		return kmalloc(max_t(size_t, len, 1), GFP_KERNEL);
	buffer = this_cpu_xchg(spare, NULL);
	return buffer ?: kvmalloc(INQUIC_BUFFER, GFP_KERNEL);
}

void inquic_buffer_put(void *buffer, size_t len)
{
	if (len <= PAGE_SIZE || this_cpu_cmpxchg(spare, NULL, buffer))
		kvfree(buffer);
}

void inquic_buffers_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kvfree(per_cpu(spare, cpu));
}
