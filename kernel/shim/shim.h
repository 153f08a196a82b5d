/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the Rust side asks of the kernel, and what it offers to it. The shim declares, moves bytes and calls; it decides nothing. */
#ifndef INQUIC_SHIM_H
#define INQUIC_SHIM_H

#include <linux/types.h>

/* Cipher suites by their TLS numbers (RFC 9001 section 5.3). */
#define INQUIC_AES_128_GCM 0x1301
#define INQUIC_AES_256_GCM 0x1302
#define INQUIC_CHACHA20_POLY1305 0x1303
#define INQUIC_AES_128_CCM 0x1304

/* A piece of memory that is only read. */
struct inquic_bytes {
	const u8 *data;
	size_t len;
};

/* A packet in one piece of memory: header, payload, 16 bytes of tag. The payload's last `tail_len` bytes may be at `tail`. */
struct inquic_packet {
	u8 *data;
	u32 header;
	u32 payload;
	const u8 *tail;
	u32 tail_len;
	u8 nonce[12];
};

/* crypto.c */
int inquic_crypto_init(void);
void inquic_crypto_exit(void);
int inquic_hmac(u32 suite, const u8 *key, size_t key_len, const struct inquic_bytes *parts, size_t count, u8 *out);
void *inquic_aead_new(u32 suite, const u8 *key, size_t len);
void inquic_aead_free(void *key);
int inquic_aead_seal(void *key, const struct inquic_packet *packet);
int inquic_aead_open(void *key, const struct inquic_packet *packet);
void *inquic_mask_new(u32 suite, const u8 *key, size_t len);
void inquic_mask_free(void *key);
int inquic_masks(void *key, const u8 *samples, u8 *masks, size_t count);

/* memory.c */
void *inquic_alloc(size_t size, size_t align);
void inquic_free(void *memory);
void inquic_random(u8 *out, size_t len);
void inquic_bug(const u8 *text, size_t len) __noreturn;
void inquic_say(const u8 *text, size_t len);

/* The Rust side. */
int inquic_prove(void);

#endif
