# SPDX-License-Identifier: Apache-2.0
# Flash encryption as the chips do it.

libespmfg_all_la_SOURCES += \
	flasher/crypt/flash_encrypt.c
