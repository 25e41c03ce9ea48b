# SPDX-License-Identifier: Apache-2.0

dist_man_MANS += \
	docs/mfg_gen.1 \
	docs/mfg_values.5

dist_doc_DATA += \
	docs/architecture.md \
	docs/manifest.md
