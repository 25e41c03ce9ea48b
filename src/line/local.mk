# SPDX-License-Identifier: Apache-2.0
# The line: a library of its own, so that its tests can link it too. Who links it has to
# bring src/cli_words.c, which reads numbers.

noinst_LTLIBRARIES += libline.la
libline_la_SOURCES = \
	src/line/board.c \
	src/line/board_before.c \
	src/line/board_boot.c \
	src/line/board_burn.c \
	src/line/board_crypt.c \
	src/line/board_flash.c \
	src/line/board_link.c \
	src/line/board_unit.c \
	src/line/check.c \
	src/line/event_json.c \
	src/line/feed_int.h \
	src/line/feed_ports.c \
	src/line/feed_sim.c \
	src/line/hooks.c \
	src/line/http.h \
	src/line/http_mhd.c \
	src/line/http_mhd.h \
	src/line/http_rules.c \
	src/line/http_state.c \
	src/line/job.c \
	src/line/job.h \
	src/line/job_before.c \
	src/line/job_crypt.c \
	src/line/job_images.c \
	src/line/job_int.h \
	src/line/job_plan.c \
	src/line/job_schema.c \
	src/line/job_steps.c \
	src/line/job_text.c \
	src/line/job_units.c \
	src/line/job_walk.c \
	src/line/job_yaml.c \
	src/line/ledger.c \
	src/line/line.c \
	src/line/line.h \
	src/line/names.c \
	src/line/station.c \
	src/line/run.h \
	src/line/steps.c \
	src/line/tell.c \
	src/line/totals.c \
	src/line/view.h \
	src/line/view_both.c \
	src/line/view_http.c \
	src/line/view_int.h \
	src/line/view_json.c \
	src/line/view_lines.c \
	src/line/view_slot.c \
	src/line/view_term.c \
	src/line/view_text.c
nodist_libline_la_SOURCES = src/line/live.c
libline_la_LIBADD = $(CYAML_LIBS)

# What browsers get, as lines of C.
live_files = \
	src/line/live/icon.svg \
	src/line/live/live.css \
	src/line/live/live.html \
	src/line/live/live.js
CLEANFILES += src/line/live.c
EXTRA_DIST += $(live_files)

src/line/live.c: src/text_asset.awk $(live_files)
	$(AM_V_GEN)$(MKDIR_P) src/line && LC_ALL=C $(AWK) -v header=src/line/http.h \
	    -f $(srcdir)/src/text_asset.awk live_page=$(srcdir)/src/line/live/live.html \
	    live_style=$(srcdir)/src/line/live/live.css \
	    live_script=$(srcdir)/src/line/live/live.js \
	    live_icon=$(srcdir)/src/line/live/icon.svg >$@.tmp && mv $@.tmp $@
