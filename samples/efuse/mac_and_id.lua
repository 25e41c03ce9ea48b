-- SPDX-License-Identifier: Apache-2.0
-- MAC and id of the unit from two JSON files, found by --index:
--   execute-scripts mac_and_id.lua --index 3 --configfiles macs.json ids.json
-- The id goes into four bytes of user data that the MAC leaves free, lowest byte first.
-- The ESP32-C2 has no such room.

local macs, ids = args.configfiles[1], args.configfiles[2]
local mac = macs[args.index].mac
local id = ids.ids[args.index]

efuse("burn-custom-mac", mac)

local block, first = "BLOCK_USR_DATA", 0
if chip.id == "esp32" then
  block, first = "BLOCK3", 28 * 8
elseif not efuses:has(block) then
  fail(chip.name .. " has no block of user data")
end
local bits = { "burn-bit", block }
for bit = 0, 31 do
  if id >> bit & 1 == 1 then
    bits[#bits + 1] = first + bit
  end
end
efuse(table.unpack(bits))

efuses:burn_all()
local now = efuses.CUSTOM_MAC:get():upper()
if not now:find(mac:upper(), 1, true) then
  fail(("CUSTOM_MAC is %s, not %s"):format(now, mac))
end
print(("unit %d: MAC %s, id %d"):format(args.index, mac, id))
