-- For Fluent Bit's Lua filter, which runs one call after the other. A code of -1 drops the record, 0 keeps it, 2 changes it.

-- What a kill tore stands before the next line of the same Docker log; an event begins with its last such key.
function whole(tag, timestamp, record)
  record.log = string.match(record.log, '^.*({"timestamp":.*)$')
  if record.log == nil then return -1, timestamp, record end
  return 2, timestamp, record
end

-- Drops ids that have come before, as long as Fluent Bit runs: it forgets them when it stops.
local REMEMBERED = 100000
local seen, ring, place = {}, {}, 0

function once(tag, timestamp, record)
  local id = record.event_id
  if seen[id] then return -1, timestamp, record end
  if ring[place] then seen[ring[place]] = nil end
  seen[id], ring[place] = true, id
  place = (place + 1) % REMEMBERED
  return 0, timestamp, record
end
