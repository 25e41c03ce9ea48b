# SPDX-License-Identifier: Apache-2.0
# The serial protocol of ROM loaders and stubs, host side; framing for both sides.

libespmfg_all_la_SOURCES += \
	flasher/rom/baud.c \
	flasher/rom/commands.c \
	flasher/rom/connect.c \
	flasher/rom/detect.c \
	flasher/rom/device.c \
	flasher/rom/flash_commands.c \
	flasher/rom/heard.c \
	flasher/rom/info.c \
	flasher/rom/leave.c \
	flasher/rom/link.c \
	flasher/rom/link_int.h \
	flasher/rom/listen.c \
	flasher/rom/memory.c \
	flasher/rom/open.c \
	flasher/rom/ops.c \
	flasher/rom/post_connect.c \
	flasher/rom/proto.c \
	flasher/rom/proto_int.h \
	flasher/rom/quirks.c \
	flasher/rom/reset.c \
	flasher/rom/rom_int.h \
	flasher/rom/slip.c \
	flasher/rom/slip_int.h \
	flasher/rom/stub.c \
	flasher/rom/stub_file.c \
	flasher/rom/sync.c \
	flasher/rom/trace.c
