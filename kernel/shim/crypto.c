// SPDX-License-Identifier: MIT OR Apache-2.0
/* The kernel's ciphers and hashes for the Rust side: each call waits for its result, in process context; nothing is allocated for a
 * packet. */
#include <crypto/aead.h>
#include <crypto/hash.h>
#include <crypto/skcipher.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "shim.h"

#define TAG_LEN 16
#define NONCE_LEN 12
#define SAMPLE_LEN 16
#define MASK_LEN 5
#define BLOCK_MAX 128
#define HASH_MAX 64
/* A packet of 64 KiB in memory that is not one piece, with a part of a page at either end. */
#define PIECES 17
#define MASKS_AT_ONCE 16

static struct crypto_shash *sha256, *sha384;

struct aead {
	struct crypto_aead *tfm;
	struct aead_request *request;
	/* One packet at a time uses the request and the list, which is clear in between. */
	struct mutex lock;
	struct crypto_wait wait;
	struct scatterlist list[PIECES];
	u32 suite;
};

struct mask {
	struct crypto_sync_skcipher *tfm;
	u32 suite;
};

static const char *aead_name(u32 suite)
{
	switch (suite) {
	case INQUIC_AES_128_GCM:
	case INQUIC_AES_256_GCM:
		return "gcm(aes)";
	case INQUIC_CHACHA20_POLY1305:
		return "rfc7539(chacha20,poly1305)";
	case INQUIC_AES_128_CCM:
		return "ccm(aes)";
	default:
		return NULL;
	}
}

static const char *mask_name(u32 suite)
{
	return suite == INQUIC_CHACHA20_POLY1305 ? "chacha20" : "ecb(aes)";
}

/*
 * Whoever asks for a cipher first waits until the kernel has made it of its parts and modprobe has looked for others: longer than a
 * handshake may take. What is made stays. Of a cipher that there is not, whoever wants it is told.
 */
static void fetch_ciphers(void)
{
	static const u32 suites[] = { INQUIC_AES_128_GCM, INQUIC_CHACHA20_POLY1305, INQUIC_AES_128_CCM };

	for (int i = 0; i < ARRAY_SIZE(suites); i++) {
		struct crypto_aead *aead = crypto_alloc_aead(aead_name(suites[i]), 0, 0);
		struct crypto_sync_skcipher *mask = crypto_alloc_sync_skcipher(mask_name(suites[i]), 0, 0);

		/* Both take an error for nothing. */
		crypto_free_aead(aead);
		crypto_free_sync_skcipher(mask);
	}
}

int inquic_crypto_init(void)
{
	sha256 = crypto_alloc_shash("sha256", 0, 0);
	if (IS_ERR(sha256))
		return PTR_ERR(sha256);
	sha384 = crypto_alloc_shash("sha384", 0, 0);
	if (IS_ERR(sha384)) {
		crypto_free_shash(sha256);
		return PTR_ERR(sha384);
	}
	fetch_ciphers();
	return 0;
}

void inquic_crypto_exit(void)
{
	crypto_free_shash(sha256);
	crypto_free_shash(sha384);
}

/* RFC 2104, over a hash that needs no key, so that nothing is allocated and nobody waits. */
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
	return err ?: size;
}

void *inquic_aead_new(u32 suite, const u8 *key, size_t len)
{
	const char *name = aead_name(suite);
	struct aead *aead;

	if (!name)
		return NULL;
	aead = kzalloc(sizeof(*aead), GFP_KERNEL_ACCOUNT);
	if (!aead)
		return NULL;
	mutex_init(&aead->lock);
	aead->suite = suite;
	/*
	 * The fast ciphers use vector registers and call themselves asynchronous, for they put off what is asked of them where those
	 * are taken. In process context they never are.
	 */
	aead->tfm = crypto_alloc_aead(name, 0, 0);
	if (IS_ERR(aead->tfm))
		goto no_tfm;
	if (crypto_aead_setkey(aead->tfm, key, len) || crypto_aead_setauthsize(aead->tfm, TAG_LEN))
		goto no_request;
	aead->request = aead_request_alloc(aead->tfm, GFP_KERNEL_ACCOUNT);
	if (!aead->request)
		goto no_request;
	crypto_init_wait(&aead->wait);
	aead_request_set_callback(aead->request, CRYPTO_TFM_REQ_MAY_SLEEP | CRYPTO_TFM_REQ_MAY_BACKLOG, crypto_req_done,
				  &aead->wait);
	sg_init_table(aead->list, PIECES);
	return aead;

no_request:
	crypto_free_aead(aead->tfm);
no_tfm:
	kfree(aead);
	return NULL;
}

void inquic_aead_free(void *key)
{
	struct aead *aead = key;

	aead_request_free(aead->request);
	crypto_free_aead(aead->tfm);
	kfree_sensitive(aead);
}

static struct page *page_of(const void *data)
{
	return is_vmalloc_or_module_addr(data) ? vmalloc_to_page(data) : virt_to_page(data);
}

/* Adds memory to a list, page by page where it is one piece in name only. False if the list is full. */
static bool add(struct scatterlist *list, unsigned int *count, const void *data, size_t len)
{
	while (len) {
		size_t now = len;

		if (*count == PIECES)
			return false;
		if (is_vmalloc_or_module_addr(data)) {
			now = min_t(size_t, len, PAGE_SIZE - offset_in_page(data));
			sg_set_page(&list[*count], page_of(data), now, offset_in_page(data));
		} else {
			sg_set_buf(&list[*count], data, now);
		}
		++*count;
		data += now;
		len -= now;
	}
	return true;
}

static void set_nonce(const struct aead *aead, const u8 *nonce, u8 *iv)
{
	if (aead->suite == INQUIC_AES_128_CCM) {
		/* RFC 3610: a length of three bytes, one less of which is told. */
		iv[0] = 2;
		memcpy(iv + 1, nonce, NONCE_LEN);
		memset(iv + 1 + NONCE_LEN, 0, 3);
	} else {
		memcpy(iv, nonce, NONCE_LEN);
	}
}

static int protect(struct aead *aead, const struct inquic_packet *packet, unsigned int len,
		   int (*cipher)(struct aead_request *request))
{
	unsigned int pieces = 0;
	u8 iv[16];
	int err = -EINVAL;

	set_nonce(aead, packet->nonce, iv);
	mutex_lock(&aead->lock);
	if (add(aead->list, &pieces, packet->data, packet->header + packet->payload + TAG_LEN)) {
		sg_mark_end(&aead->list[pieces - 1]);
		aead_request_set_ad(aead->request, packet->header);
		aead_request_set_crypt(aead->request, aead->list, aead->list, len, iv);
		err = crypto_wait_req(cipher(aead->request), &aead->wait);
	}
	/* A mark that stayed would end a longer list too soon. */
	if (pieces)
		sg_unmark_end(&aead->list[pieces - 1]);
	mutex_unlock(&aead->lock);
	return err;
}

/* Seals a packet. The header is left as it is. */
int inquic_aead_seal(void *key, const struct inquic_packet *packet)
{
	/* To copy what lies elsewhere costs less than to have the cipher step through two lists of pieces. */
	if (packet->tail_len)
		memcpy(packet->data + packet->header + packet->payload - packet->tail_len, packet->tail, packet->tail_len);
	return protect(key, packet, packet->payload, crypto_aead_encrypt);
}

/* Opens a packet in place. The tag is left as it came. 0 if it was authentic. */
int inquic_aead_open(void *key, const struct inquic_packet *packet)
{
	return protect(key, packet, packet->payload + TAG_LEN, crypto_aead_decrypt);
}

void *inquic_mask_new(u32 suite, const u8 *key, size_t len)
{
	struct mask *mask = kzalloc(sizeof(*mask), GFP_KERNEL_ACCOUNT);

	if (!mask)
		return NULL;
	mask->suite = suite;
	mask->tfm = crypto_alloc_sync_skcipher(mask_name(suite), 0, 0);
	if (IS_ERR(mask->tfm))
		goto no_tfm;
	if (crypto_sync_skcipher_setkey(mask->tfm, key, len))
		goto no_key;
	return mask;

no_key:
	crypto_free_sync_skcipher(mask->tfm);
no_tfm:
	kfree(mask);
	return NULL;
}

void inquic_mask_free(void *key)
{
	struct mask *mask = key;

	crypto_free_sync_skcipher(mask->tfm);
	kfree(mask);
}

/* Encrypts `len` bytes in place, which may be on the stack; at most two pages hold them. */
static int encrypt(struct mask *mask, u8 *bytes, size_t len, u8 *iv)
{
	SYNC_SKCIPHER_REQUEST_ON_STACK(request, mask->tfm);
	struct scatterlist list[2];
	size_t first = min_t(size_t, len, PAGE_SIZE - offset_in_page(bytes));
	int err;

	sg_init_table(list, ARRAY_SIZE(list));
	sg_set_page(&list[0], page_of(bytes), first, offset_in_page(bytes));
	if (first < len)
		sg_set_page(&list[1], page_of(bytes + first), len - first, 0);
	else
		sg_mark_end(&list[0]);
	skcipher_request_set_sync_tfm(request, mask->tfm);
	skcipher_request_set_callback(request, CRYPTO_TFM_REQ_MAY_SLEEP, NULL, NULL);
	skcipher_request_set_crypt(request, list, list, len, iv);
	err = crypto_skcipher_encrypt(request);
	skcipher_request_zero(request);
	return err;
}

/* RFC 9001 sections 5.4.3 and 5.4.4. */
int inquic_masks(void *key, const u8 *samples, u8 *masks, size_t count)
{
	struct mask *mask = key;
	u8 blocks[MASKS_AT_ONCE * SAMPLE_LEN];
	size_t i;
	int err;

	if (count > MASKS_AT_ONCE)
		return -EINVAL;
	if (mask->suite == INQUIC_CHACHA20_POLY1305) {
		for (i = 0; i < count; i++) {
			u8 iv[SAMPLE_LEN];

			memcpy(iv, samples + i * SAMPLE_LEN, SAMPLE_LEN);
			memset(masks + i * MASK_LEN, 0, MASK_LEN);
			err = encrypt(mask, masks + i * MASK_LEN, MASK_LEN, iv);
			if (err)
				return err;
		}
		return 0;
	}
	memcpy(blocks, samples, count * SAMPLE_LEN);
	err = encrypt(mask, blocks, count * SAMPLE_LEN, NULL);
	for (i = 0; i < count; i++)
		memcpy(masks + i * MASK_LEN, blocks + i * SAMPLE_LEN, MASK_LEN);
	return err;
}
