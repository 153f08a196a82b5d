// SPDX-License-Identifier: MIT OR Apache-2.0
/* The kernel's hashes for the Rust side. */
#include <crypto/hash.h>
#include <linux/err.h>
#include <linux/random.h>

#include "shim.h"

#define BLOCK_MAX 128
#define HASH_MAX 64

static struct crypto_shash *sha256, *sha384;

int inquic_hashes_init(void)
{
	int err;

	sha256 = crypto_alloc_shash("sha256", 0, 0);
	if (IS_ERR(sha256))
		return PTR_ERR(sha256);
	sha384 = crypto_alloc_shash("sha384", 0, 0);
	if (IS_ERR(sha384)) {
		err = PTR_ERR(sha384);
		crypto_free_shash(sha256);
		return err;
	}
	return 0;
}

void inquic_hashes_exit(void)
{
	crypto_free_shash(sha256);
	crypto_free_shash(sha384);
}

/*
 * RFC 2104, over a hash that needs no key, so that nothing is allocated and nobody waits. Such a hash does not fail; if one did, what
 * comes of it would match nothing, and could be guessed by nobody.
 */
int inquic_hmac(u32 suite, const u8 *key, size_t key_len, const struct inquic_bytes *parts, size_t count, u8 *out)
{
	struct crypto_shash *hash = suite == INQUIC_AES_256_GCM ? sha384 : sha256;
	unsigned int block = crypto_shash_blocksize(hash), size = crypto_shash_digestsize(hash);
	u8 pad[BLOCK_MAX] = {}, inner[HASH_MAX];
	SHASH_DESC_ON_STACK(desc, hash);
	size_t i;
	int err;

	desc->tfm = hash;
	if (key_len > block)
		err = crypto_shash_digest(desc, key, key_len, pad);
	else {
		memcpy(pad, key, key_len);
		err = 0;
	}
	for (i = 0; i < block; i++)
		pad[i] ^= 0x36;
	err = err ?: crypto_shash_init(desc);
	err = err ?: crypto_shash_update(desc, pad, block);
	for (i = 0; i < count; i++)
		err = err ?: crypto_shash_update(desc, parts[i].data, parts[i].len);
	err = err ?: crypto_shash_final(desc, inner);
	for (i = 0; i < block; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	err = err ?: crypto_shash_init(desc);
	err = err ?: crypto_shash_update(desc, pad, block);
	err = err ?: crypto_shash_update(desc, inner, size);
	err = err ?: crypto_shash_final(desc, out);
	memzero_explicit(pad, sizeof(pad));
	memzero_explicit(inner, sizeof(inner));
	shash_desc_zero(desc);
	if (WARN_ON_ONCE(err))
		get_random_bytes(out, size);
	return size;
}
