# SPDX-License-Identifier: Apache-2.0
# eFuses.

libespmfg_all_la_SOURCES += \
	flasher/efuse/model_int.h
