# SPDX-License-Identifier: Apache-2.0
# Byte pipes to chips.

libespmfg_all_la_SOURCES += \
	flasher/transport/fault.c \
	flasher/transport/fault_int.h \
	flasher/transport/fd.c \
	flasher/transport/fd_int.h \
	flasher/transport/io_int.h \
	flasher/transport/mode.c \
	flasher/transport/net.c \
	flasher/transport/net_int.h \
	flasher/transport/open.c \
	flasher/transport/ports.c \
	flasher/transport/ports_int.h \
	flasher/transport/rfc2217.c \
	flasher/transport/serial.c \
	flasher/transport/sim.c \
	flasher/transport/tcp.c \
	flasher/transport/telnet.c \
	flasher/transport/telnet_int.h \
	flasher/transport/tty.c \
	flasher/transport/tty_int.h
