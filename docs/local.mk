# SPDX-License-Identifier: Apache-2.0

dist_man_MANS += \
	docs/libespmfg.3 \
	docs/mfg_flash.1 \
	docs/mfg_flash-efuse.1 \
	docs/mfg_flash-ledger.1 \
	docs/mfg_gen.1 \
	docs/mfg_gen-image.1 \
	docs/mfg_job.5 \
	docs/mfg_sim.1 \
	docs/mfg_station.5 \
	docs/mfg_values.5

dist_doc_DATA += \
	docs/api.md \
	docs/architecture.md \
	docs/chips.md \
	docs/efuse-rules.md \
	docs/efuse-scripts.md \
	docs/guide.md \
	docs/json.md \
	docs/ledger-server.md \
	docs/manifest.md

schemadir        = $(docdir)/schema
dist_schema_DATA = \
	docs/schema/manifest.schema.json \
	docs/schema/mfg_flash.schema.json \
	docs/schema/mfg_flash_line.schema.json \
	docs/schema/mfg_gen.schema.json

# One manual page a public header, made of its comments.
man3_date  = November 21, 2026
man3_MANS  = \
	docs/espmfg_batch.3 \
	docs/espmfg_device.3 \
	docs/espmfg_efuse.3 \
	docs/espmfg_efuse_script.3 \
	docs/espmfg_error.3 \
	docs/espmfg_export.3 \
	docs/espmfg_file.3 \
	docs/espmfg_flash.3 \
	docs/espmfg_flash_encrypt.3 \
	docs/espmfg_hooks.3 \
	docs/espmfg_image.3 \
	docs/espmfg_key.3 \
	docs/espmfg_keyfile.3 \
	docs/espmfg_ledger.3 \
	docs/espmfg_nvs.3 \
	docs/espmfg_nvs_reader.3 \
	docs/espmfg_nvs_table.3 \
	docs/espmfg_port.3 \
	docs/espmfg_seal.3 \
	docs/espmfg_sim.3 \
	docs/espmfg_units.3 \
	docs/espmfg_verify.3 \
	docs/espmfg_version.3
EXTRA_DIST += docs/man3.awk docs/Doxyfile
CLEANFILES += $(man3_MANS) docs/man3.stamp

docs/man3.stamp: docs/man3.awk $(espmfginclude_HEADERS)
	$(AM_V_GEN)$(MKDIR_P) docs && \
	    for header in $(espmfginclude_HEADERS); do \
	        name=`basename $$header .h` && \
	        $(AWK) -v name=espmfg_$$name -v header=espmfg/$$name.h -v date='$(man3_date)' \
	            -f $(srcdir)/docs/man3.awk $(srcdir)/$$header >docs/espmfg_$$name.3.tmp && \
	        mv docs/espmfg_$$name.3.tmp docs/espmfg_$$name.3 || exit 1; \
	    done && touch $@
$(man3_MANS): docs/man3.stamp

# The reference in HTML, for "make doc" only: docs/html in the build folder.
doc:
	@$(MKDIR_P) docs
	{ cat $(srcdir)/docs/Doxyfile; echo 'INPUT = $(abs_top_srcdir)/include/espmfg'; \
	    echo 'STRIP_FROM_PATH = $(abs_top_srcdir)/include'; \
	    echo 'OUTPUT_DIRECTORY = docs'; } | doxygen -

# What the shared library exports, to be looked at in a review; tests/library.sh compares it.
EXTRA_DIST += include/libespmfg.symbols
symbols: libespmfg.la
	nm -D --defined-only .libs/libespmfg.so | awk '$$2 ~ /[A-Z]/ { print $$3 }' | \
	    LC_ALL=C sort >$(srcdir)/include/libespmfg.symbols

.PHONY: doc symbols
