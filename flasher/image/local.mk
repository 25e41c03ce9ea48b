# SPDX-License-Identifier: Apache-2.0
# Firmware images and partition tables.

