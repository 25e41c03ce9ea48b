# SPDX-License-Identifier: Apache-2.0
# The line: a library of its own, so that its tests can link it too.

noinst_LTLIBRARIES += libline.la
libline_la_SOURCES = \
	src/line/event_json.c \
	src/line/hooks.c \
	src/line/job.h \
	src/line/line.h \
	src/line/names.c \
	src/line/view.h \
	src/line/view_json.c
