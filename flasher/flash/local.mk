# SPDX-License-Identifier: Apache-2.0
# The SPI flash behind a loader.

