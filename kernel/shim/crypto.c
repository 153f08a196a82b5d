// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The kernel's ciphers for the Rust side: each call waits for its result, in process context; nothing is allocated for a packet. Most
 * keys rest most of the time, so a key is what its cipher makes of it and no more: what a cipher needs while it works is on a bench.
 * Each processor has one, and whoever comes there first has it until the cipher is done. That may be long, where a group of processes
 * has used up its time in the middle: nobody waits for another's bench, but makes do without.
 */
#include <crypto/aead.h>
#include <crypto/aes.h>
#include <crypto/internal/cipher.h>
#include <crypto/skcipher.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "shim.h"

#define TAG_LEN 16
#define NONCE_LEN 12
#define SAMPLE_LEN 16
#define MASK_LEN 5
/* A packet of 64 KiB in memory that is not one piece, with a part of a page at either end. */
#define PIECES 17
#define KEY_MAX 32
/* How often others may run before a bench is given up. */
#define YIELDS 4

static atomic64_t masks_made;

/* What protects headers: for AES the key as it came, from which a schedule is made quickly and is four times as long. */
struct mask {
	struct crypto_sync_skcipher *chacha20;
	/* No other mask has or had this number. */
	u64 id;
	unsigned int len;
	u8 key[KEY_MAX];
};

struct bench {
	struct mutex lock;
	/* What a cipher allocates it may not wait for: a file system may need the bench for that. */
	unsigned int scope;
	struct aead_request *request;
	struct crypto_wait wait;
	/* Clear in between. */
	struct scatterlist list[PIECES];
	/* Has the key of the mask with this number, the last that was made here. */
	struct crypto_cipher *aes;
	u64 aes_key;
	/* Whether it is no processor's, but there for one packet. */
	bool once;
};

/* A bench for one packet, with its request. */
struct once {
	struct bench bench;
	struct aead_request request;
};

/* By processor. */
static struct bench **benches;
/* Bytes that each request has for its cipher. */
static unsigned int request_room;
static DEFINE_MUTEX(request_lock);

/*
 * The processor's bench, or none if somebody keeps it: who has it needs the time of one packet, which is soon over where it may run, and a
 * packet without a bench costs as much again.
 */
static struct bench *try_bench(void)
{
	for (int i = 0; i <= YIELDS; i++) {
		struct bench *bench = benches[raw_smp_processor_id()];

		if (mutex_trylock(&bench->lock)) {
			bench->scope = memalloc_noio_save();
			return bench;
		}
		yield();
	}
	return NULL;
}

static void set_request(struct bench *bench, struct aead_request *request)
{
	aead_request_set_callback(request, CRYPTO_TFM_REQ_MAY_SLEEP | CRYPTO_TFM_REQ_MAY_BACKLOG, crypto_req_done, &bench->wait);
}

static struct bench *bench_for_once(struct crypto_aead *aead)
{
	struct once *once = kzalloc(sizeof(*once) + crypto_aead_reqsize(aead), GFP_NOIO | __GFP_NOWARN);

	if (!once)
		return NULL;
	crypto_init_wait(&once->bench.wait);
	sg_init_table(once->bench.list, PIECES);
	once->bench.request = &once->request;
	once->bench.once = true;
	set_request(&once->bench, &once->request);
	once->bench.scope = memalloc_noio_save();
	return &once->bench;
}

/* A bench for a packet; without memory for one of its own the packet waits for the processor's. */
static struct bench *lock_bench(struct crypto_aead *aead)
{
	struct bench *bench = try_bench() ?: bench_for_once(aead);

	if (bench)
		return bench;
	bench = benches[raw_smp_processor_id()];
	mutex_lock(&bench->lock);
	bench->scope = memalloc_noio_save();
	return bench;
}

static void unlock_bench(struct bench *bench)
{
	unsigned int scope = bench->scope;

	if (bench->once)
		kfree_sensitive(container_of(bench, struct once, bench));
	else
		mutex_unlock(&bench->lock);
	memalloc_noio_restore(scope);
}

static struct bench *bench_new(int cpu)
{
	struct bench *bench = kzalloc_node(sizeof(*bench), GFP_KERNEL, cpu_to_node(cpu));

	if (!bench)
		return NULL;
	bench->aes = crypto_alloc_cipher("aes", 0, 0);
	if (IS_ERR(bench->aes)) {
		kfree(bench);
		return NULL;
	}
	mutex_init(&bench->lock);
	crypto_init_wait(&bench->wait);
	sg_init_table(bench->list, PIECES);
	return bench;
}

static void bench_free(struct bench *bench)
{
	if (!bench)
		return;
	mutex_destroy(&bench->lock);
	crypto_free_cipher(bench->aes);
	kfree_sensitive(bench->request);
	kfree(bench);
}

/* Gives every bench a request with so many bytes for the cipher, if it has fewer. */
static int make_room(unsigned int wanted)
{
	int cpu, err = 0;

	if (wanted <= smp_load_acquire(&request_room))
		return 0;
	mutex_lock(&request_lock);
	if (wanted <= request_room)
		goto done;
	for_each_possible_cpu(cpu) {
		struct aead_request *request = kzalloc_node(sizeof(*request) + wanted, GFP_NOIO, cpu_to_node(cpu));
		struct bench *bench = benches[cpu];

		if (!request) {
			err = -ENOMEM;
			goto done;
		}
		set_request(bench, request);
		mutex_lock(&bench->lock);
		swap(bench->request, request);
		mutex_unlock(&bench->lock);
		kfree_sensitive(request);
	}
	/* Whoever sees this finds the requests. */
	smp_store_release(&request_room, wanted);
done:
	mutex_unlock(&request_lock);
	return err;
}

static void benches_free(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		bench_free(benches[cpu]);
	kfree(benches);
}

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

/*
 * Whoever asks for a cipher first waits until the kernel has made it of its parts and modprobe has looked for others: longer than a
 * handshake may take. What is made stays. Of a cipher that there is not, whoever wants it is told.
 */
static void fetch_ciphers(void)
{
	static const u32 suites[] = { INQUIC_AES_128_GCM, INQUIC_CHACHA20_POLY1305, INQUIC_AES_128_CCM };

	/* An error is nothing to give back. */
	for (int i = 0; i < ARRAY_SIZE(suites); i++)
		crypto_free_aead(crypto_alloc_aead(aead_name(suites[i]), 0, 0));
	crypto_free_sync_skcipher(crypto_alloc_sync_skcipher("chacha20", 0, 0));
}

int inquic_crypto_init(void)
{
	int cpu;

	benches = kcalloc(nr_cpu_ids, sizeof(*benches), GFP_KERNEL);
	if (!benches)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		benches[cpu] = bench_new(cpu);
		if (!benches[cpu]) {
			benches_free();
			return -ENOMEM;
		}
	}
	fetch_ciphers();
	return 0;
}

void inquic_crypto_exit(void)
{
	benches_free();
}

/* Bytes of a key, those of its cipher's parts left out. */
static long size_of(struct crypto_aead *aead)
{
	return sizeof(*aead) + crypto_aead_alg(aead)->base.cra_ctxsize;
}

/* A key, or none for want of memory or of its cipher. */
struct crypto_aead *inquic_aead_new(u32 suite, const u8 *key, size_t len)
{
	const char *name = aead_name(suite);
	struct crypto_aead *aead;

	if (!name)
		return NULL;
	/*
	 * The fast ciphers use vector registers and call themselves asynchronous, for they put off what is asked of them where those
	 * are taken. In process context they never are.
	 */
	aead = crypto_alloc_aead(name, 0, 0);
	if (IS_ERR(aead))
		return NULL;
	if (crypto_aead_setkey(aead, key, len) || crypto_aead_setauthsize(aead, TAG_LEN) ||
	    make_room(crypto_aead_reqsize(aead))) {
		crypto_free_aead(aead);
		return NULL;
	}
	inquic_charge(size_of(aead));
	return aead;
}

void inquic_aead_free(struct crypto_aead *aead)
{
	inquic_charge(-size_of(aead));
	crypto_free_aead(aead);
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

static void set_nonce(struct crypto_aead *aead, const u8 *nonce, u8 *iv)
{
	if (crypto_aead_ivsize(aead) > NONCE_LEN) {
		/* RFC 3610: a length of three bytes, one less of which is told. */
		iv[0] = 2;
		memcpy(iv + 1, nonce, NONCE_LEN);
		memset(iv + 1 + NONCE_LEN, 0, 3);
	} else {
		memcpy(iv, nonce, NONCE_LEN);
	}
}

static int protect(struct crypto_aead *aead, const struct inquic_packet *packet, unsigned int len,
		   int (*cipher)(struct aead_request *request))
{
	struct bench *bench = lock_bench(aead);
	unsigned int pieces = 0;
	u8 iv[16];
	int err = -EINVAL;

	if (add(bench->list, &pieces, packet->data, packet->header + packet->payload + TAG_LEN)) {
		set_nonce(aead, packet->nonce, iv);
		sg_mark_end(&bench->list[pieces - 1]);
		aead_request_set_tfm(bench->request, aead);
		aead_request_set_ad(bench->request, packet->header);
		aead_request_set_crypt(bench->request, bench->list, bench->list, len, iv);
		err = crypto_wait_req(cipher(bench->request), &bench->wait);
	}
	/* A mark that stayed would end a longer list too soon. */
	if (pieces)
		sg_unmark_end(&bench->list[pieces - 1]);
	unlock_bench(bench);
	return err;
}

/* Seals a packet. The header is left as it is. */
int inquic_aead_seal(struct crypto_aead *aead, const struct inquic_packet *packet)
{
	/* To copy what lies elsewhere costs less than to have the cipher step through two lists of pieces. */
	if (packet->tail_len)
		memcpy(packet->data + packet->header + packet->payload - packet->tail_len, packet->tail, packet->tail_len);
	return protect(aead, packet, packet->payload, crypto_aead_encrypt);
}

/* Opens a packet in place. The tag is left as it came. 0 if it was authentic. */
int inquic_aead_open(struct crypto_aead *aead, const struct inquic_packet *packet)
{
	return protect(aead, packet, packet->payload + TAG_LEN, crypto_aead_decrypt);
}

struct mask *inquic_mask_new(u32 suite, const u8 *key, size_t len)
{
	struct mask *mask;

	if (len > KEY_MAX)
		return NULL;
	mask = kzalloc(sizeof(*mask), GFP_KERNEL_ACCOUNT);
	if (!mask)
		return NULL;
	if (suite == INQUIC_CHACHA20_POLY1305) {
		mask->chacha20 = crypto_alloc_sync_skcipher("chacha20", 0, 0);
		if (IS_ERR(mask->chacha20))
			goto no_tfm;
		if (crypto_sync_skcipher_setkey(mask->chacha20, key, len))
			goto no_key;
	} else {
		mask->id = atomic64_inc_return(&masks_made);
		mask->len = len;
		memcpy(mask->key, key, len);
	}
	inquic_charge(sizeof(*mask));
	return mask;

no_key:
	crypto_free_sync_skcipher(mask->chacha20);
no_tfm:
	kfree(mask);
	return NULL;
}

void inquic_mask_free(struct mask *mask)
{
	inquic_charge(-(long)sizeof(*mask));
	crypto_free_sync_skcipher(mask->chacha20);
	kfree_sensitive(mask);
}

/* RFC 9001 section 5.4.4. */
static int chacha20_mask(struct crypto_sync_skcipher *cipher, const u8 *sample, u8 *mask)
{
	SYNC_SKCIPHER_REQUEST_ON_STACK(request, cipher);
	u8 iv[SAMPLE_LEN], stream[8] __aligned(8) = {};
	struct scatterlist list;
	int err;

	memcpy(iv, sample, SAMPLE_LEN);
	sg_init_table(&list, 1);
	sg_set_page(&list, page_of(stream), MASK_LEN, offset_in_page(stream));
	skcipher_request_set_sync_tfm(request, cipher);
	skcipher_request_set_callback(request, CRYPTO_TFM_REQ_MAY_SLEEP, NULL, NULL);
	skcipher_request_set_crypt(request, &list, &list, MASK_LEN, iv);
	err = crypto_skcipher_encrypt(request);
	skcipher_request_zero(request);
	memcpy(mask, stream, MASK_LEN);
	return err;
}

/* As aes_masks() without a bench: slower, and with the key's schedule on the stack. */
static int aes_masks_alone(const struct mask *key, const u8 *samples, u8 *masks, size_t count)
{
	struct crypto_aes_ctx schedule;
	int err = aes_expandkey(&schedule, key->key, key->len);

	for (size_t i = 0; i < count && !err; i++) {
		u8 block[SAMPLE_LEN];

		aes_encrypt(&schedule, block, samples + i * SAMPLE_LEN);
		memcpy(masks + i * MASK_LEN, block, MASK_LEN);
	}
	memzero_explicit(&schedule, sizeof(schedule));
	return err;
}

/* RFC 9001 section 5.4.3. */
static int aes_masks(const struct mask *key, const u8 *samples, u8 *masks, size_t count)
{
	struct bench *bench = try_bench();
	int err = 0;

	if (!bench)
		return aes_masks_alone(key, samples, masks, count);
	if (bench->aes_key != key->id) {
		err = crypto_cipher_setkey(bench->aes, key->key, key->len);
		bench->aes_key = err ? 0 : key->id;
	}
	for (size_t i = 0; i < count && !err; i++) {
		u8 block[SAMPLE_LEN];

		crypto_cipher_encrypt_one(bench->aes, block, samples + i * SAMPLE_LEN);
		memcpy(masks + i * MASK_LEN, block, MASK_LEN);
	}
	unlock_bench(bench);
	return err;
}

int inquic_masks(const struct mask *key, const u8 *samples, u8 *masks, size_t count)
{
	int err = 0;

	if (!key->chacha20)
		return aes_masks(key, samples, masks, count);
	for (size_t i = 0; i < count && !err; i++)
		err = chacha20_mask(key->chacha20, samples + i * SAMPLE_LEN, masks + i * MASK_LEN);
	return err;
}

MODULE_IMPORT_NS(CRYPTO_INTERNAL);
