-- Protobuf fields that scripts append to a stored message. A decoder keeps the last of several values of a scalar field, so
-- appending a field replaces it without decoding the message.
local function varint(n)
  local bytes = ''
  while n >= 128 do
    bytes = bytes .. string.char(n % 128 + 128)
    n = math.floor(n / 128)
  end
  return bytes .. string.char(n)
end

-- Field 7, `error_msg`.
local function error_field(text)
  return '\58' .. varint(#text) .. text
end

-- Field 11, `last_failed_at`, and field 13, `completed_at`, in seconds.
local FAILED_NOW = '\88' .. varint(now_s)
local COMPLETED_NOW = '\104' .. varint(now_s)
