-- A tour of the interpreter: each part prints what it found; `...` is how much work to do.
local scale = tonumber((...)) or 1

local function queens(n)
  local count, columns, up, down = 0, {}, {}, {}
  local function place(row)
    if row > n then count = count + 1 return end
    for column = 1, n do
      if not (columns[column] or up[row + column] or down[row - column]) then
        columns[column], up[row + column], down[row - column] = true, true, true
        place(row + 1)
        columns[column], up[row + column], down[row - column] = nil, nil, nil
      end
    end
  end
  place(1)
  return count
end
print("queens", queens(6), scale > 1 and queens(8) or "-")

local words, order = {}, {}
for word in (("the cat saw the dog and the dog saw nothing "):rep(20 * scale)):gmatch("%a+") do
  if not words[word] then order[#order + 1] = word end
  words[word] = (words[word] or 0) + 1
end
table.sort(order, function(a, b)
  return words[a] > words[b] or words[a] == words[b] and a < b
end)
for i, word in ipairs(order) do order[i] = word .. "=" .. words[word] end
print(table.concat(order, " "))

local Account = {}
Account.__index = Account
Account.__tostring = function(self) return "account of " .. self.name .. ": " .. self.balance end
Account.__add = function(a, b) return Account.new(a.name .. "+" .. b.name, a.balance + b.balance) end
function Account.new(name, balance) return setmetatable({name = name, balance = balance}, Account) end
function Account:draw(amount)
  if amount > self.balance then error({code = "poor", missing = amount - self.balance}) end
  self.balance = self.balance - amount
end
local a, b = Account.new("a", 100), Account.new("b", 50)
local ok, problem = pcall(b.draw, b, 80)
a:draw(30)
print(tostring(a + b), ok, problem.code, problem.missing)
print(pcall(function() return nil + 1 end))
print(select(2, xpcall(function() local t = nil; return t.x end, function(m) return "seen: " .. m end)))

local function primes()
  return coroutine.wrap(function()
    local found = {}
    for n = 2, math.huge do
      local prime = true
      for _, p in ipairs(found) do
        if p * p > n then break end
        if n % p == 0 then prime = false break end
      end
      if prime then found[#found + 1] = n; coroutine.yield(n) end
    end
  end)
end
local sum, last = 0
local next_prime = primes()
for _ = 1, 200 * scale do last = next_prime() sum = sum + last end
print("primes", last, sum)

local text = ("%5.2f|%-6s|%06d|%x|%q|%s"):format(math.pi, "ab", 42, 255, 'say "so"\n', 1e15)
print(text, text:upper():reverse():sub(1, 12), ("x"):byte(), ("a,b,,c"):gsub(",", ";"))
print(("key=value; other = 12"):match("(%w+)=(%w+)"), ("%d+"):len(), ("abc"):find("c", 1, true))
print(math.floor(-3.5), math.max(1, 2.5), 7 % -3, -7 % 3, 2 ^ 0.5, 1 / 0, -1 / 0)
print(bit32.bxor(0xff, 0x0f), bit32.lshift(1, 31), bit32.arshift(-8, 1), bit32.extract(0xabcd, 4, 8))
print(string.format("%.14g %.14g %.14g", math.sin(1), math.exp(1), math.log(10)), 0.1 + 0.2 == 0.3)

local function tree(depth)
  if depth == 0 then return {} end
  return {tree(depth - 1), tree(depth - 1)}
end
local function check(node) return node[1] and 1 + check(node[1]) + check(node[2]) or 1 end
local total = 0
for _ = 1, 3 * scale do total = total + check(tree(8)) end
collectgarbage()
print("trees", total, collectgarbage("count") < 8000)

local weak = setmetatable({}, {__mode = "k"})
weak[{}] = true
collectgarbage()
print("weak", next(weak), load("return 6 * 7")())
