# SPDX-License-Identifier: Apache-2.0
# Examples: a batch for mfg_gen, and programs that use the public headers only.

check_PROGRAMS += \
	samples/flash_blocks \
	samples/flash_two \
	samples/log_and_bar \
	samples/nvs_to_flash \
	samples/one_image \
	samples/who_is_there
samples_flash_blocks_SOURCES  = samples/flash_blocks.c
samples_flash_blocks_CPPFLAGS = -D_POSIX_C_SOURCE=200809L -I$(top_srcdir)/include
samples_flash_blocks_LDADD    = libespmfg.la
samples_flash_two_SOURCES  = samples/flash_two.c
samples_flash_two_CPPFLAGS = -D_POSIX_C_SOURCE=200809L -I$(top_srcdir)/include
samples_flash_two_LDADD    = libespmfg.la
samples_log_and_bar_SOURCES  = samples/log_and_bar.c
samples_log_and_bar_CPPFLAGS = -D_POSIX_C_SOURCE=200809L -I$(top_srcdir)/include
samples_log_and_bar_LDADD    = libespmfg.la
samples_nvs_to_flash_SOURCES  = samples/nvs_to_flash.c
samples_nvs_to_flash_CPPFLAGS = -D_POSIX_C_SOURCE=200809L -I$(top_srcdir)/include
samples_nvs_to_flash_LDADD    = libespmfg.la
samples_one_image_SOURCES  = samples/one_image.c
samples_one_image_CPPFLAGS = -D_POSIX_C_SOURCE=200809L -I$(top_srcdir)/include
samples_one_image_LDADD    = libespmfg.la
samples_who_is_there_SOURCES  = samples/who_is_there.c
samples_who_is_there_CPPFLAGS = -D_POSIX_C_SOURCE=200809L -I$(top_srcdir)/include
samples_who_is_there_LDADD    = libespmfg.la

# Built again as others build them, from the installed library, and run: tests/samples.sh.
TESTS += samples/one_image

EXTRA_DIST += \
	samples/README.md \
	samples/ca.crt \
	samples/config.csv \
	samples/efuse \
	samples/firmware \
	samples/job.yaml \
	samples/job_flash_development.yaml \
	samples/job_flash_release.yaml \
	samples/job_test_first.yaml \
	samples/make_firmware.sh \
	samples/make_samples.sh \
	samples/partitions.csv \
	samples/partitions_encrypted.csv \
	samples/station.yaml \
	samples/units \
	samples/values.csv
