# SPDX-License-Identifier: Apache-2.0
# eFuses.

libespmfg_all_la_SOURCES += \
	flasher/efuse/coding.c \
	flasher/efuse/coding_int.h \
	flasher/efuse/controller.c \
	flasher/efuse/controller_burn.c \
	flasher/efuse/controller_int.h \
	flasher/efuse/efuses.c \
	flasher/efuse/efuses_bits.c \
	flasher/efuse/efuses_burn.c \
	flasher/efuse/efuses_digest.c \
	flasher/efuse/efuses_extend.c \
	flasher/efuse/efuses_info.c \
	flasher/efuse/efuses_int.h \
	flasher/efuse/efuses_keys.c \
	flasher/efuse/efuses_parse.c \
	flasher/efuse/efuses_pem.c \
	flasher/efuse/efuses_places.c \
	flasher/efuse/efuses_plan.c \
	flasher/efuse/efuses_protect.c \
	flasher/efuse/efuses_show.c \
	flasher/efuse/efuses_stage.c \
	flasher/efuse/efuses_virtual.c \
	flasher/efuse/efuses_wire.c \
	flasher/efuse/fields.c \
	flasher/efuse/fields_int.h \
	flasher/efuse/keys_int.h \
	flasher/efuse/model.c \
	flasher/efuse/model_burn.c \
	flasher/efuse/model_file.c \
	flasher/efuse/model_int.h \
	flasher/efuse/model_state_int.h \
	flasher/efuse/plan_hash.c \
	flasher/efuse/rules.c \
	flasher/efuse/rules_fields.c \
	flasher/efuse/rules_int.h \
	flasher/efuse/rules_keys.c \
	flasher/efuse/script.c \
	flasher/efuse/script_api.c \
	flasher/efuse/script_config.c \
	flasher/efuse/script_int.h \
	flasher/efuse/script_lua.c \
	flasher/efuse/script_words.c \
	flasher/efuse/table_int.h

# The names first: they say what the fields of the others are for.
efuse_tables = \
	flasher/efuse/tables/names.csv \
	flasher/efuse/tables/esp32.csv \
	flasher/efuse/tables/esp32c2.csv \
	flasher/efuse/tables/esp32c3.csv \
	flasher/efuse/tables/esp32c5.csv \
	flasher/efuse/tables/esp32c6.csv \
	flasher/efuse/tables/esp32c61.csv \
	flasher/efuse/tables/esp32e22.csv \
	flasher/efuse/tables/esp32h2.csv \
	flasher/efuse/tables/esp32h21.csv \
	flasher/efuse/tables/esp32h4.csv \
	flasher/efuse/tables/esp32p4.csv \
	flasher/efuse/tables/esp32s2.csv \
	flasher/efuse/tables/esp32s3.csv \
	flasher/efuse/tables/esp32s31.csv

nodist_libespmfg_all_la_SOURCES += flasher/efuse/tables.c flasher/efuse/rules_table.c
CLEANFILES += flasher/efuse/tables.c flasher/efuse/rules_table.c
EXTRA_DIST += \
	flasher/efuse/tables.awk \
	flasher/efuse/rules.awk \
	flasher/efuse/tables/README.md \
	flasher/efuse/tables/rules.csv \
	$(efuse_tables)

flasher/efuse/tables.c: flasher/efuse/tables.awk $(efuse_tables)
	$(AM_V_GEN)$(MKDIR_P) flasher/efuse && \
	    $(AWK) -f $(srcdir)/flasher/efuse/tables.awk \
	        $(efuse_tables:%=$(srcdir)/%) >$@.tmp && mv $@.tmp $@

flasher/efuse/rules_table.c: flasher/efuse/rules.awk flasher/efuse/tables/rules.csv
	$(AM_V_GEN)$(MKDIR_P) flasher/efuse && \
	    $(AWK) -f $(srcdir)/flasher/efuse/rules.awk \
	        $(srcdir)/flasher/efuse/tables/rules.csv >$@.tmp && mv $@.tmp $@
