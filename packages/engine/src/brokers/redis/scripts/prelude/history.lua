-- `tc:x`: the history of a task, a line of JSON per attempt. Keeps the first line and the last 49. Scripts never parse lines.
local MAX_LINES = 50
-- No line has fewer bytes. A history that is shorter than 49 such lines cannot be full, so its lines need no counting.
local MIN_LINE = 40

local function add_line(lines, line)
  if not lines or lines == '' then
    return line
  end
  if #lines >= (MAX_LINES - 1) * MIN_LINE then
    local count, line_end = 1, string.find(lines, '\n', 1, true)
    local first = line_end
    while line_end do
      count = count + 1
      line_end = string.find(lines, '\n', line_end + 1, true)
    end
    if count >= MAX_LINES then
      local second = string.find(lines, '\n', first + 1, true)
      lines = string.sub(lines, 1, first) .. string.sub(lines, second + 1)
    end
  end
  return lines .. '\n' .. line
end
