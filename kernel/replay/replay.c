// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The script of sim/replay, played while this module is loaded; its record is /proc/quic_replay. For tests, and a module of its own, so
 * that quic.ko has nothing of it; memory and ciphers are that module's files.
 */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "../shim/memory.c"
#include "../shim/hash.c"
#include "../shim/crypto.c"

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "what the script follows from");

/* Bytes of the longest record. */
#define RECORD (16UL << 20)

int inquic_replay(u64 seed);
void inquic_replayed(const u8 *data, size_t len);

static u8 *record;
static size_t recorded;

void inquic_replayed(const u8 *data, size_t len)
{
	/* What does not fit makes it another record. */
	len = min(len, RECORD - recorded);
	memcpy(record + recorded, data, len);
	recorded += len;
}

static ssize_t replay_read(struct file *file, char __user *to, size_t len, loff_t *at)
{
	return simple_read_from_buffer(to, len, at, record, recorded);
}

static const struct proc_ops replay_ops = {
	.proc_read = replay_read,
	.proc_lseek = default_llseek,
};

static int __init replay_init(void)
{
	int err = inquic_memory_init();

	if (err)
		return err;
	err = inquic_hashes_init();
	if (err)
		goto no_hashes;
	err = inquic_crypto_init();
	if (err)
		goto no_crypto;
	err = -ENOMEM;
	record = vmalloc(RECORD);
	if (!record)
		goto no_record;
	err = inquic_replay(seed);
	if (err)
		goto no_script;
	err = -ENOMEM;
	if (!proc_create("quic_replay", 0444, NULL, &replay_ops))
		goto no_script;
	return 0;

no_script:
	vfree(record);
no_record:
	inquic_crypto_exit();
no_crypto:
	inquic_hashes_exit();
no_hashes:
	inquic_memory_exit();
	return err;
}

static void __exit replay_exit(void)
{
	remove_proc_entry("quic_replay", NULL);
	vfree(record);
	inquic_crypto_exit();
	inquic_hashes_exit();
	inquic_memory_exit();
}

module_init(replay_init);
module_exit(replay_exit);

MODULE_DESCRIPTION("QUIC by a script, for tests");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_SOFTDEP("pre: gcm ccm chacha20poly1305 chacha20_generic");
