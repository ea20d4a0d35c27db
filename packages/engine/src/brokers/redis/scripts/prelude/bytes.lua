-- Protobuf fields that are appended to a message: of scalars the last one wins (protocol 2.1).
local function varint(n)
  local bytes = ''
  while n >= 128 do
    bytes = bytes .. string.char(n % 128 + 128)
    n = math.floor(n / 128)
  end
  return bytes .. string.char(n)
end

local function error_field(text)
  return '\58' .. varint(#text) .. text
end

local FAILED_NOW = '\88' .. varint(now_s)
local COMPLETED_NOW = '\104' .. varint(now_s)
