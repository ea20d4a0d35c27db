-- Tasks of some businesses only. The stored ID of a business's task is `<business>.<plain ID>`, and no plain ID has a point: the last
-- one is behind the business. An ID of Go may have one all the same: the business in the meta of the row decides.

-- Entries that a call for a page looks at.
local MAX_SCANNED = 2000

-- The names that ARGV has from `first` on, as a set, and the index behind them. nil in place of none: tasks of all.
local function read_businesses(first, count)
  local businesses, behind = nil, first + tonumber(count)
  for i = first, behind - 1 do
    businesses = businesses or {}
    businesses[ARGV[i]] = true
  end
  return businesses, behind
end

-- Whether the ID may be that of a task of these businesses.
local function is_of(id, businesses)
  return not businesses or businesses[string.match(id, '^(.*)%.') or ''] == true
end
