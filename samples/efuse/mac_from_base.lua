-- SPDX-License-Identifier: Apache-2.0
-- The MAC of the unit: the first of a range, and its index. A range of documentation.
-- Returns it, for scripts that call this one.

local first, count = 0x00005E005300, 256

if args.index == nil or args.index < 1 or args.index > count then
  fail(("--index has to be 1 to %d"):format(count))
end
local number = first + args.index - 1
local bytes = {}
for i = 5, 0, -1 do
  bytes[#bytes + 1] = ("%02X"):format(number >> 8 * i & 0xFF)
end
local mac = table.concat(bytes, ":")
efuse("burn-custom-mac", mac)
return mac
