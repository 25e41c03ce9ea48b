# SPDX-License-Identifier: Apache-2.0
# Firmware images and partition tables.

libespmfg_all_la_SOURCES += \
	flasher/image/build.c \
	flasher/image/build_esp8266.c \
	flasher/image/build_int.h \
	flasher/image/build_mapped.c \
	flasher/image/chunks.c \
	flasher/image/elf.c \
	flasher/image/header.c \
	flasher/image/hex.c \
	flasher/image/hex_int.h \
	flasher/image/image_int.h \
	flasher/image/look.c \
	flasher/image/merge.c \
	flasher/image/partition.c \
	flasher/image/partition_csv.c \
	flasher/image/partition_names.c \
	flasher/image/partition_write.c \
	flasher/image/partition_int.h
