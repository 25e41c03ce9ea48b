# SPDX-License-Identifier: Apache-2.0
# Byte pipes to chips.

libespmfg_all_la_SOURCES += \
	flasher/transport/io_int.h \
	flasher/transport/telnet.c \
	flasher/transport/telnet_int.h
