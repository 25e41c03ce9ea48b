-- SPDX-License-Identifier: Apache-2.0
-- Lock-down of a unit whose NVS partition is encrypted with the HMAC scheme: its key, then
-- whatever could get at the data behind it. One plan, so that it can be approved by its hash.
-- ESP32-S2, S3, C3, C5, C6, H2, P4; other chips have no HMAC peripheral.

if not efuses:has("SOFT_DIS_JTAG") then -- HMAC can turn it on again: who has one has both
  fail(chip.name .. " has no HMAC peripheral")
end
local errors, why = efuses:coding_scheme_errors()
if errors > 0 then
  fail(why)
end

-- burn-key protects it from being read and written.
efuse("burn-key", "BLOCK_KEY4", ("keys/hmac_%04d.bin"):format(args.index), "HMAC_UP")

-- Debuggers see decrypted data. Names differ: what this chip has is burned.
for _, name in ipairs({ "DIS_PAD_JTAG", "HARD_DIS_JTAG", "DIS_USB_JTAG" }) do
  if efuses:has(name) then
    efuse("burn-efuse", name, 1)
  end
end

-- The ROM takes flash content still, and tells nothing any more. This closes the way to
-- the eFuses, so it is burned last, after all else was read back.
efuse("burn-efuse ENABLE_SECURITY_DOWNLOAD 1")
