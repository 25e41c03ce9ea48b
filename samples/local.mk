# SPDX-License-Identifier: Apache-2.0
# Examples: a batch for mfg_gen, and programs that use the public headers only.

check_PROGRAMS += samples/one_image
samples_one_image_SOURCES  = samples/one_image.c
samples_one_image_CPPFLAGS = -I$(top_srcdir)/include
samples_one_image_LDADD    = libespmfg.la

TESTS += samples/one_image

EXTRA_DIST += \
	samples/README.md \
	samples/ca.crt \
	samples/config.csv \
	samples/efuse \
	samples/firmware \
	samples/job.yaml \
	samples/make_firmware.sh \
	samples/make_samples.sh \
	samples/partitions.csv \
	samples/station.yaml \
	samples/units \
	samples/values.csv
