// SPDX-License-Identifier: MIT OR Apache-2.0
/* The module: what the kernel calls when it comes and goes. */
#include <linux/module.h>
#include <linux/net.h>

#include "socket.h"

static bool prove;
module_param(prove, bool, 0444);
MODULE_PARM_DESC(prove, "check packet protection against the vectors of RFC 9001 before anything else");

static int __init inquic_init(void)
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
	if (prove) {
		err = inquic_prove();
		if (err)
			goto no_proof;
	}
	err = inquic_buffers_init();
	if (err)
		goto no_proof;
	inquic_fetchers_init();
	err = inquic_cells_init();
	if (err)
		goto no_cells;
	err = inquic_proc_init();
	if (err)
		goto no_proc;
	err = inquic_sockets_init();
	if (err)
		goto no_sockets;
	return 0;

no_sockets:
	inquic_proc_exit();
no_proc:
	inquic_cells_exit();
no_cells:
	inquic_buffers_exit();
no_proof:
	inquic_crypto_exit();
no_crypto:
	inquic_hashes_exit();
no_hashes:
	inquic_memory_exit();
	return err;
}

static void __exit inquic_exit(void)
{
	inquic_sockets_exit();
	inquic_proc_exit();
	inquic_cells_exit();
	inquic_buffers_exit();
	inquic_crypto_exit();
	inquic_hashes_exit();
	inquic_memory_exit();
}

module_init(inquic_init);
module_exit(inquic_exit);

MODULE_DESCRIPTION("QUIC sockets");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET, 261, 1);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET, 261, 2);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET6, 261, 1);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET6, 261, 2);
MODULE_SOFTDEP("pre: aesni_intel gcm ccm chacha20poly1305 chacha20_generic");
