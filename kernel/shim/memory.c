// SPDX-License-Identifier: MIT OR Apache-2.0
/* Memory, randomness and the kernel's log for the Rust side. */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "shim.h"

/* Rust runs in process context only, so it may sleep; what it takes is charged to the process's memory group. */
void *inquic_alloc(size_t size, size_t align)
{
	if (align > ARCH_KMALLOC_MINALIGN)
		size = roundup_pow_of_two(max(size, align));
	return kvmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

void inquic_free(void *memory)
{
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
