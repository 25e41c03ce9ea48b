# SPDX-License-Identifier: Apache-2.0
# The public headers of libespmfg.

espmfgincludedir = $(includedir)/espmfg
espmfginclude_HEADERS = \
	include/espmfg/batch.h \
	include/espmfg/device.h \
	include/espmfg/efuse.h \
	include/espmfg/efuse_script.h \
	include/espmfg/error.h \
	include/espmfg/export.h \
	include/espmfg/file.h \
	include/espmfg/flash.h \
	include/espmfg/flash_encrypt.h \
	include/espmfg/hooks.h \
	include/espmfg/image.h \
	include/espmfg/key.h \
	include/espmfg/keyfile.h \
	include/espmfg/ledger.h \
	include/espmfg/nvs.h \
	include/espmfg/nvs_reader.h \
	include/espmfg/nvs_table.h \
	include/espmfg/port.h \
	include/espmfg/seal.h \
	include/espmfg/sim.h \
	include/espmfg/units.h \
	include/espmfg/verify.h \
	include/espmfg/version.h
