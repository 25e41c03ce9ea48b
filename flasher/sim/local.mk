# SPDX-License-Identifier: Apache-2.0
# The simulated chip.

libespmfg_all_la_SOURCES += \
	flasher/sim/crypt.c \
	flasher/sim/faults.c \
	flasher/sim/flash.c \
	flasher/sim/flash_commands.c \
	flasher/sim/flash_int.h \
	flasher/sim/flash_pins.c \
	flasher/sim/fuse_files.c \
	flasher/sim/fuses.c \
	flasher/sim/loader.c \
	flasher/sim/memory.c \
	flasher/sim/memory_commands.c \
	flasher/sim/options.c \
	flasher/sim/power.c \
	flasher/sim/reset.c \
	flasher/sim/seed.c \
	flasher/sim/serve.c \
	flasher/sim/serve_int.h \
	flasher/sim/serve_pty.c \
	flasher/sim/serve_rfc2217.c \
	flasher/sim/serve_tcp.c \
	flasher/sim/sim.c \
	flasher/sim/sim_int.h \
	flasher/sim/spi.c \
	flasher/sim/stub.c \
	flasher/sim/wire.c \
	flasher/sim/write.c
