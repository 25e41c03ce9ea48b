# SPDX-License-Identifier: Apache-2.0
# Byte pipes to chips.

libespmfg_all_la_SOURCES += \
	flasher/transport/io_int.h
