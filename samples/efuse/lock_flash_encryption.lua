-- SPDX-License-Identifier: Apache-2.0
-- Lock-down of a unit with flash encryption in release mode, for all chips. One plan, so
-- that it can be approved by its hash. The flash has to hold an image that this key has
-- encrypted, or a bootloader that encrypts it.

local errors, why = efuses:coding_scheme_errors()
if errors > 0 then
  fail(why)
end
local key = ("keys/flash_%04d.bin"):format(args.index)

if chip.id == "esp32" then
  efuse("burn-key", "flash_encryption", key)
  efuse("burn-efuse FLASH_CRYPT_CONFIG 0xF FLASH_CRYPT_CNT 0x7F")
  efuse("burn-efuse DISABLE_DL_ENCRYPT 1 DISABLE_DL_DECRYPT 1 DISABLE_DL_CACHE 1")
  efuse("burn-efuse JTAG_DISABLE 1")
  -- Download mode stays: it can write flash, but neither encrypt nor decrypt.
  return
end

efuse("burn-key", "BLOCK_KEY0", key, "XTS_AES_128_KEY")
efuse("burn-efuse SPI_BOOT_CRYPT_CNT 7")

-- Ways round the encryption. Names differ: what this chip has is burned.
local ways = {
  "DIS_DOWNLOAD_MANUAL_ENCRYPT", -- have the ROM encrypt
  "DIS_DOWNLOAD_ICACHE", "DIS_DOWNLOAD_DCACHE", -- read decrypted flash in download mode
  "SPI_DOWNLOAD_MSPI_DIS", -- the same of newer chips
  "DIS_PAD_JTAG", "HARD_DIS_JTAG", "DIS_USB_JTAG",
  "DIS_DIRECT_BOOT", "DIS_LEGACY_SPI_BOOT", -- start code that is not checked
}
for _, name in ipairs(ways) do
  if efuses:has(name) then
    efuse("burn-efuse", name, 1)
  end
end

-- Closes the way to the eFuses: burned last, after all else was read back.
efuse("burn-efuse ENABLE_SECURITY_DOWNLOAD 1")
