-- SPDX-License-Identifier: Apache-2.0
-- A key and a few fields, checked before and after they are burned.
-- Chips with an HMAC peripheral: ESP32-S2, S3, C3, C5, C6, H2, P4.

-- A unit whose eFuses are damaged gets nothing.
local errors, why = efuses:coding_scheme_errors()
if errors > 0 then
  fail("before: " .. why)
end

efuse("burn-key", "BLOCK_KEY4", ("keys/hmac_%04d.bin"):format(args.index), "HMAC_UP")
efuse("burn-efuse DIS_FORCE_DOWNLOAD 1")
efuse("burn-bit BLOCK_USR_DATA 0 1 7")

-- Values are those of the chip: what is only collected does not show.
assert(efuses.KEY_PURPOSE_4:meaning() ~= "HMAC_UP", "the key is in already")

efuses:burn_all()

errors, why = efuses:coding_scheme_errors()
if errors > 0 then
  fail("after: " .. why)
end
assert(efuses.KEY_PURPOSE_4:meaning() == "HMAC_UP", "wrong purpose")
assert(not efuses.BLOCK_KEY4:is_readable(), "software can read the key")
assert(not efuses.BLOCK_KEY4:is_writeable(), "the key block is open")
assert(efuses.DIS_FORCE_DOWNLOAD:get() == true, "DIS_FORCE_DOWNLOAD is not burned")
assert(efuses.BLOCK_USR_DATA:get():sub(1, 2) == "83", "wrong data")
print(("unit %d: key and fields are in"):format(args.index))
