// SPDX-License-Identifier: MIT OR Apache-2.0
/* Memory, randomness and the kernel's log for the Rust side. */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/percpu_counter.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/swap.h>

#include "shim.h"

/* How far each processor's part of the count may be from the whole. */
#define USED_BATCH (64 << 10)

/* Pages that all sockets may take: the first two numbers are TCP's words for less, and the third is the bound. */
long inquic_mem[3];
static struct percpu_counter used;

int inquic_memory_init(void)
{
	unsigned long limit = max(nr_free_buffer_pages() / 8, 128UL);

	inquic_mem[0] = limit / 4 * 3;
	inquic_mem[1] = limit;
	inquic_mem[2] = inquic_mem[0] * 2;
	return percpu_counter_init(&used, 0, GFP_KERNEL);
}

void inquic_memory_exit(void)
{
	percpu_counter_destroy(&used);
}

/* Whether no further connection is to be let in. */
bool inquic_memory_full(void)
{
	return percpu_counter_read_positive(&used) >> PAGE_SHIFT >= READ_ONCE(inquic_mem[2]);
}

/* Rust runs in process context only, so it may sleep; what it takes is charged to the process's memory group. */
void *inquic_alloc(size_t size, size_t align)
{
	void *memory = kvmalloc(align > ARCH_KMALLOC_MINALIGN ? roundup_pow_of_two(max(size, align)) : size,
				GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

	if (memory)
		percpu_counter_add_batch(&used, size, USED_BATCH);
	return memory;
}

void inquic_free(void *memory, size_t size)
{
	percpu_counter_add_batch(&used, -(s64)size, USED_BATCH);
	kvfree(memory);
}

void inquic_random(u8 *out, size_t len)
{
	get_random_bytes(out, len);
}

void inquic_bug(const u8 *text, size_t len)
{
	pr_emerg("quic: %.*s\n", (int)len, text);
	BUG();
}

void inquic_say(const u8 *text, size_t len)
{
	pr_info("quic: %.*s\n", (int)len, text);
}
