# SPDX-License-Identifier: Apache-2.0

libespmfg_all_la_SOURCES += \
	base/base64.c \
	base/base64_int.h \
	base/buf.c \
	base/buf_int.h \
	base/bytes_int.h \
	base/dir.c \
	base/dir_durable.c \
	base/error.c \
	base/error_int.h \
	base/file.c \
	base/file_int.h \
	base/hex.c \
	base/hex_int.h \
	base/hooks.c \
	base/hooks_int.h \
	base/key.c \
	base/load.c \
	base/load_int.h \
	base/read_int.h \
	base/save.c \
	base/stream.c \
	base/text.c \
	base/text_int.h \
	base/version.c
