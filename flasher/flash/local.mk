# SPDX-License-Identifier: Apache-2.0
# The SPI flash behind a loader.

libespmfg_all_la_SOURCES += \
	flasher/flash/again.c \
	flasher/flash/attach.c \
	flasher/flash/blocks.c \
	flasher/flash/checks.c \
	flasher/flash/compress.c \
	flasher/flash/engine.c \
	flasher/flash/erase.c \
	flasher/flash/files.c \
	flasher/flash/flash_int.h \
	flasher/flash/id.c \
	flasher/flash/job.c \
	flasher/flash/md5.c \
	flasher/flash/packer.c \
	flasher/flash/pins.c \
	flasher/flash/plan.c \
	flasher/flash/read.c \
	flasher/flash/security.c \
	flasher/flash/shared.c \
	flasher/flash/size.c \
	flasher/flash/spi.c \
	flasher/flash/status.c \
	flasher/flash/verify.c \
	flasher/flash/write.c
