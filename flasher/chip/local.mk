# SPDX-License-Identifier: Apache-2.0
# What is known of each chip.

libespmfg_all_la_SOURCES += \
	flasher/chip/chip.c \
	flasher/chip/chip_int.h \
	flasher/chip/describe.c \
	flasher/chip/esp32.c \
	flasher/chip/esp32s3.c \
	flasher/chip/esp8266.c \
	flasher/chip/ops_int.h

chip_tables = \
	flasher/chip/tables/esp32.csv \
	flasher/chip/tables/esp32c2.csv \
	flasher/chip/tables/esp32c3.csv \
	flasher/chip/tables/esp32c5.csv \
	flasher/chip/tables/esp32c6.csv \
	flasher/chip/tables/esp32c61.csv \
	flasher/chip/tables/esp32e22.csv \
	flasher/chip/tables/esp32h2.csv \
	flasher/chip/tables/esp32h21.csv \
	flasher/chip/tables/esp32h4.csv \
	flasher/chip/tables/esp32p4.csv \
	flasher/chip/tables/esp32s2.csv \
	flasher/chip/tables/esp32s3.csv \
	flasher/chip/tables/esp32s31.csv \
	flasher/chip/tables/esp8266.csv

# One const row a chip, made from its table.
nodist_libespmfg_all_la_SOURCES += flasher/chip/chips.c
CLEANFILES += flasher/chip/chips.c
EXTRA_DIST += flasher/chip/chips.awk $(chip_tables)

flasher/chip/chips.c: flasher/chip/chips.awk $(chip_tables)
	$(AM_V_GEN)$(MKDIR_P) flasher/chip && \
	    $(AWK) -f $(srcdir)/flasher/chip/chips.awk \
	        $(chip_tables:%=$(srcdir)/%) >$@.tmp && mv $@.tmp $@
