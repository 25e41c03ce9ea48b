# SPDX-License-Identifier: Apache-2.0

dist_man_MANS += \
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
	docs/architecture.md \
	docs/chips.md \
	docs/efuse-rules.md \
	docs/efuse-scripts.md \
	docs/guide.md \
	docs/json.md \
	docs/manifest.md

schemadir        = $(docdir)/schema
dist_schema_DATA = \
	docs/schema/manifest.schema.json \
	docs/schema/mfg_flash.schema.json \
	docs/schema/mfg_flash_line.schema.json \
	docs/schema/mfg_gen.schema.json
