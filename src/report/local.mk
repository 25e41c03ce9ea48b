# SPDX-License-Identifier: Apache-2.0
# The report of a ledger: data -> figures -> HTML. Knows no command line.

noinst_LTLIBRARIES += libreport.la
libreport_la_SOURCES = \
	src/report/cause.c \
	src/report/clock.c \
	src/report/data.c \
	src/report/data.h \
	src/report/figure_rate.c \
	src/report/figures.c \
	src/report/figures.h \
	src/report/out.c \
	src/report/out.h \
	src/report/page.c \
	src/report/page.h \
	src/report/page_parts.c \
	src/report/spread.c \
	src/report/spread.h \
	src/report/svg.c \
	src/report/svg.h
nodist_libreport_la_SOURCES = src/report/style.c
libreport_la_LIBADD = -lm
CLEANFILES += src/report/style.c
EXTRA_DIST += src/text_asset.awk src/report/style.css

# The style as lines of C.
src/report/style.c: src/text_asset.awk src/report/style.css
	$(AM_V_GEN)$(MKDIR_P) src/report && LC_ALL=C $(AWK) -v header=src/report/page.h \
	    -f $(srcdir)/src/text_asset.awk report_style=$(srcdir)/src/report/style.css \
	    >$@.tmp && mv $@.tmp $@
