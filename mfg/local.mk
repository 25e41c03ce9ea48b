# SPDX-License-Identifier: Apache-2.0

libespmfg_all_la_SOURCES += \
	mfg/batch.c \
	mfg/check.c \
	mfg/config.c \
	mfg/config_int.h \
	mfg/csv.c \
	mfg/csv_int.h \
	mfg/encoding.c \
	mfg/encoding_int.h \
	mfg/files.c \
	mfg/files_int.h \
	mfg/idset.c \
	mfg/idset_int.h \
	mfg/imagefile.c \
	mfg/imagefile_int.h \
	mfg/item.c \
	mfg/item_int.h \
	mfg/job_int.h \
	mfg/keyfile.c \
	mfg/keys.c \
	mfg/keys_int.h \
	mfg/maker.c \
	mfg/maker_int.h \
	mfg/manifest.c \
	mfg/manifest_int.h \
	mfg/names.c \
	mfg/names_int.h \
	mfg/nvsfile.c \
	mfg/nvsfile_int.h \
	mfg/outputs.c \
	mfg/outputs_int.h \
	mfg/pass.c \
	mfg/pass_int.h \
	mfg/plan.c \
	mfg/plan_int.h \
	mfg/report.c \
	mfg/report_int.h \
	mfg/table.c \
	mfg/table_text.c \
	mfg/types.c \
	mfg/types_int.h \
	mfg/unit_int.h \
	mfg/wifi.c \
	mfg/wifi_int.h \
	mfg/write.c
