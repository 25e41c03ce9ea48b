# SPDX-License-Identifier: Apache-2.0

libespmfg_all_la_SOURCES += \
	nvs/crypt.c \
	nvs/findings.c \
	nvs/format_int.h \
	nvs/image.c \
	nvs/key.c \
	nvs/load.c \
	nvs/look.c \
	nvs/mount.c \
	nvs/names.c \
	nvs/names_int.h \
	nvs/reader.c \
	nvs/reader_int.h
