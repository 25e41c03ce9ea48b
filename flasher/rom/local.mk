# SPDX-License-Identifier: Apache-2.0
# The serial protocol of ROM loaders and stubs, host side; framing for both sides.

libespmfg_all_la_SOURCES += \
	flasher/rom/proto.c \
	flasher/rom/proto_int.h \
	flasher/rom/rom_int.h \
	flasher/rom/slip.c \
	flasher/rom/slip_int.h
