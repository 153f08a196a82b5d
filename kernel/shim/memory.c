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

/*
 * Pages that all sockets may take: the first number is TCP's word for little, beyond the second no connection outlives its program, and
 * the third is the bound. Whatever is no page of data has an eighth more: without it a connection ends that could wait for a page.
 */
long inquic_mem[3];
#define OTHER_SHARE 8
static struct percpu_counter used;
/* How often there was more than that. */
static atomic64_t refused;

/*
 * Between two powers of two the kernel has no sizes, and what a connection consists of would take half as much again as it needs: there
 * are three sizes between any two powers from LEAST to MOST.
 */
#define LEAST 256
#define MOST 4096
#define SIZES (3 * 4)
static struct kmem_cache *caches[SIZES];

/* The cache for so many bytes, if the kernel has none that fits. */
static struct kmem_cache *cache_for(size_t size)
{
	unsigned int power, quarters;

	if (size <= LEAST || size > MOST)
		return NULL;
	power = ilog2(size - 1);
	quarters = DIV_ROUND_UP(size, 1UL << (power - 2));
	return quarters < 8 ? caches[3 * (power - ilog2(LEAST)) + quarters - 5] : NULL;
}

static void caches_free(void)
{
	for (int i = 0; i < SIZES; i++)
		kmem_cache_destroy(caches[i]);
}

int inquic_memory_init(void)
{
	unsigned long limit = max(nr_free_buffer_pages() / 8, 128UL);

	inquic_mem[0] = limit / 4 * 3;
	inquic_mem[1] = limit;
	inquic_mem[2] = inquic_mem[0] * 2;
	for (int i = 0; i < SIZES; i++) {
		unsigned int size = (LEAST << i / 3) / 4 * (5 + i % 3);
		char name[32];

		snprintf(name, sizeof(name), KBUILD_MODNAME "-%u", size);
		/* Like memory of kmalloc(), programs may be given what is in it. */
		caches[i] = kmem_cache_create_usercopy(name, size, 0, 0, 0, size, NULL);
		if (!caches[i]) {
			caches_free();
			return -ENOMEM;
		}
	}
	if (percpu_counter_init(&used, 0, GFP_KERNEL)) {
		caches_free();
		return -ENOMEM;
	}
	return 0;
}

void inquic_memory_exit(void)
{
	percpu_counter_destroy(&used);
	caches_free();
}

static bool is_beyond(long pages)
{
	return percpu_counter_read_positive(&used) >> PAGE_SHIFT >= pages;
}

/* Whether no further connection is to be let in. */
bool inquic_memory_full(void)
{
	return is_beyond(READ_ONCE(inquic_mem[2]));
}

/* Whether what serves no program any more is to go. */
bool inquic_memory_short(void)
{
	return is_beyond(READ_ONCE(inquic_mem[1]));
}

/* Memory that was refused for there was too much in use, since the module came. */
u64 inquic_memory_refused(void)
{
	return atomic64_read(&refused);
}

static bool is_refused(size_t size)
{
	long most = READ_ONCE(inquic_mem[2]);

	if (likely(!is_beyond(most)) || (size != INQUIC_PAGE && !is_beyond(most + most / OTHER_SHARE)))
		return false;
	atomic64_inc(&refused);
	return true;
}

/*
 * Rust runs in process context only, so it may sleep; what it takes is charged to the process's memory group. Who has to go where no memory
 * is left is not decided here, for it may be a peer who wants it: then there is none.
 */
#define HOW (GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

void *inquic_alloc(size_t size, size_t align)
{
	struct kmem_cache *cache = align > ARCH_KMALLOC_MINALIGN ? NULL : cache_for(size);
	void *memory;

	if (is_refused(size))
		return NULL;
	if (cache)
		memory = kmem_cache_alloc(cache, HOW);
	else
		memory = kvmalloc(align > ARCH_KMALLOC_MINALIGN ? roundup_pow_of_two(max(size, align)) : size,
				  HOW);
	if (memory)
		percpu_counter_add_batch(&used, size, USED_BATCH);
	return memory;
}

/* Counts what others have allocated for a socket, or with fewer than 0 bytes what they have freed. */
void inquic_charge(long bytes)
{
	percpu_counter_add_batch(&used, bytes, USED_BATCH);
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
