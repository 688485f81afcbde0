-- Asks with the Authorization of one user after the other; its argument is a file with one value a line.
local requests = {}
local turn = 0

function init(args)
  for value in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format('GET', nil, { Authorization = value })
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
