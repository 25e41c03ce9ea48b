# SPDX-License-Identifier: Apache-2.0
# Firmware images and partition tables.

libespmfg_all_la_SOURCES += \
	flasher/image/header.c \
	flasher/image/image_int.h
