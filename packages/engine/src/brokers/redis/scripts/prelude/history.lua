-- `tc:x`: a line per attempt, the first and the last 49 (data model, forms). Lines are never looked into.
local KEPT_LINES = 50
-- No line is shorter, so shorter histories need no counting.
local MIN_LINE = 40

local function add_line(lines, line)
  if not lines or lines == '' then
    return line
  end
  if #lines >= (KEPT_LINES - 1) * MIN_LINE then
    local count, at = 1, string.find(lines, '\n', 1, true)
    local first = at
    while at do
      count = count + 1
      at = string.find(lines, '\n', at + 1, true)
    end
    if count >= KEPT_LINES then
      local second = string.find(lines, '\n', first + 1, true)
      lines = string.sub(lines, 1, first) .. string.sub(lines, second + 1)
    end
  end
  return lines .. '\n' .. line
end
