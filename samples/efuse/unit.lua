-- SPDX-License-Identifier: Apache-2.0
-- Nested scripts: each does its part, all is burned together at the end of the line.

local mac = script("mac_from_base.lua")
if chip.id ~= "esp32" and efuses:has("SOFT_DIS_JTAG") then
  script("lock_hmac_nvs.lua")
else
  print(chip.name .. " has no HMAC peripheral: its keys are those of flash encryption")
  script("lock_flash_encryption.lua")
end
print(("unit %d gets %s"):format(args.index, mac))
