// SPDX-License-Identifier: MIT OR Apache-2.0
/* The module: what the kernel calls when it comes and goes. */
#include <linux/module.h>

#include "shim.h"

static bool prove;
module_param(prove, bool, 0444);
MODULE_PARM_DESC(prove, "check packet protection against the vectors of RFC 9001 before anything else");

static int __init inquic_init(void)
{
	int err = inquic_crypto_init();

	if (err)
		return err;
	if (prove) {
		err = inquic_prove();
		if (err)
			inquic_crypto_exit();
	}
	return err;
}

static void __exit inquic_exit(void)
{
	inquic_crypto_exit();
}

module_init(inquic_init);
module_exit(inquic_exit);

MODULE_DESCRIPTION("QUIC sockets");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_SOFTDEP("pre: gcm ccm chacha20poly1305 chacha20_generic");
