"""The protocol's steps that run in Redis. Each is one script, because Redis runs a script without interruption.

One hash, STATE, holds the trust and all fences. They share a key so that anything that removes the fences (a wipe, a
restart, an eviction for lack of memory) removes the trust as well.

Each object has one key, its *slot*. It holds either the sealed value, "V" + generation + bytes, or the lease of the
reader that is about to fill it, "L" + generation + id. So one DEL both evicts the value and revokes the lease.

Redis is not trusted. A key of the wrong type counts as missing, and a state without its numbers as a new server's. So
whatever somebody wrote there is gone with the next reader.

Times are milliseconds of Redis's own clock. The scripts use no other clock.
"""

from redis import Redis

from kit.redis.pipeline import Argument, RedisCommand, commands_run, script_command

#: The ends of the keys; `kit.redis.identity` has their beginning.
STATE = "cache:state"
ENTRY = "cache:entry:"
#: How many names one script takes. Lua's unpack is limited to a few thousand arguments, and Redis serves no other
#: client while a script runs.
NAMES_MAX = 1_000

MACHINE = """
local function clock_ms()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function run_id()
    local server = redis.call('INFO', 'server')
    local _, before = string.find(server, 'run_id:', 1, true)
    return string.sub(server, before + 1, before + 40)
end
"""
_FENCES = """
local function digits(number) return string.format('%.0f', number) end
-- A fence is text: token=end for each writer that holds one.
local function fences_live(text, now, token)
    local live = ''
    for owner, ends in string.gmatch(text, '(%x+)=(%d+)') do
        if tonumber(ends) > now and owner ~= token then live = live .. owner .. '=' .. ends .. ' ' end
    end
    return live
end
-- The names come as the lines of one argument, because a client takes longer to send a thousand arguments than this
-- takes to split them.
local function lines(text)
    local fields, entries, prefix = {}, {}, string.sub(KEYS[1], 1, -#'%(state)s' - 1) .. '%(entry)s'
    for name in string.gmatch(text, '[^\\n]+') do
        fields[#fields + 1] = 'fence:' .. name
        entries[#entries + 1] = prefix .. name
    end
    return fields, entries
end
""".replace("%(state)s", STATE).replace("%(entry)s", ENTRY)


class Script:
    """A Lua script. `machine` is the Lua code that reads the time and the server's run id; tests replace it."""

    machine = MACHINE

    def __init__(self, body: str) -> None:
        self.body = body

    def command(self, keys: list[str], *arguments: Argument) -> RedisCommand:
        return script_command(self.machine + _FENCES + self.body, keys, arguments)

    def __call__(self, client: Redis, keys: list[str], *arguments: Argument) -> object:
        command = self.command(keys, *arguments)
        commands_run(client, [command])
        return command.reply


# A reader looks up names. Returns {mark, now, generation, claim, …} and for each name its value, or F (fenced), B
# (busy) or M (missing, and now leased to this reader). If the server is not the one that the state names, a new
# generation begins.
LOOK = Script("""
-- KEYS state; ARGV names, new generation, lease id, lease ms, fence ms, trust ms, claim ms
local now, run, fields, entries = clock_ms(), run_id(), lines(ARGV[1])
local state =
    redis.pcall('HMGET', KEYS[1], 'run', 'generation', 'born_ms', 'until_ms', 'claimed_ms', unpack(fields))
local is_whole = string.find(state[2] or '', '^%x+$')
    and tonumber(state[3]) and tonumber(state[4]) and tonumber(state[5])
if state[1] ~= run or not is_whole then
    if state.err then redis.call('DEL', KEYS[1]) end
    redis.call('HSET', KEYS[1], 'run', run, 'generation', ARGV[2], 'born_ms', digits(now), 'until_ms', 0,
        'claimed_ms', 0)
    return {'quarantine'}
end
local generation = state[2]
if now < state[3] + ARGV[5] then return {'quarantine'} end
local left, claimed, claim = state[4] - now, tonumber(state[5]), 0
-- A trust with longer to go than it was ever given means that the clock was put back. End it for good: otherwise it
-- would revive when the clock gets there again, although nobody has asked Postgres about that time.
if left > tonumber(ARGV[6]) then
    left = 0
    redis.call('HSET', KEYS[1], 'until_ms', 0)
end
-- The same holds for a claim with longer to go than it was given.
if left * 2 < tonumber(ARGV[6]) and (now >= claimed or claimed > now + ARGV[7]) then
    claim = 1
    redis.call('HSET', KEYS[1], 'claimed_ms', digits(now + ARGV[7]))
end
if left <= 0 then return {'lapsed', digits(now), generation, claim} end

local found = {'trusted', digits(now), generation, claim}
for i, key in ipairs(entries) do
    local fence = state[i + 5]
    local fenced = fence and fences_live(fence, now) ~= ''
    if fence and not fenced then redis.call('HDEL', KEYS[1], fields[i]) end
    local entry = not fenced and redis.pcall('GET', key)
    local is_ours = type(entry) == 'string' and string.sub(entry, 2, #generation + 1) == generation
    if fenced then
        found[i + 4] = 'F'
    elseif is_ours and string.sub(entry, 1, 1) == 'V' then
        found[i + 4] = entry
    elseif is_ours then
        found[i + 4] = 'B'
    else
        redis.call('SET', key, 'L' .. generation .. ARGV[3], 'PX', ARGV[4])
        found[i + 4] = 'M'
    end
end
return found
""")

# A reader fills a slot that it leased, or gives the lease back (an empty value). Returns 0 if the lease was revoked.
FILL = Script("""
-- KEYS entry; ARGV lease, entry, ttl s
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
return 1
""")

# A writer is about to commit. From now on readers bypass these names, and the leases of earlier readers are revoked.
FENCE = Script("""
-- KEYS state; ARGV names, token, fence ms
local now, fields, entries = clock_ms(), lines(ARGV[1])
local fences, kept = redis.call('HMGET', KEYS[1], unpack(fields)), {}
local own = ARGV[2] .. '=' .. digits(now + ARGV[3]) .. ' '
for i, field in ipairs(fields) do
    kept[2 * i - 1] = field
    kept[2 * i] = fences[i] and fences_live(fences[i], now) .. own or own
end
redis.call('HSET', KEYS[1], unpack(kept))
redis.call('DEL', unpack(entries))
""")

# The writer has committed. Removes its fence and keeps other writers' fences. There is nothing to evict, because nobody
# fills a fenced name.
LIFT = Script("""
-- KEYS state; ARGV names, token
local now, fields, kept, gone = clock_ms(), (lines(ARGV[1])), {}, {}
local fences = redis.call('HMGET', KEYS[1], unpack(fields))
for i, field in ipairs(fields) do
    local live = fences[i] and fences_live(fences[i], now, ARGV[2]) or ''
    if live == '' then
        gone[#gone + 1] = field
    else
        kept[#kept + 1] = field
        kept[#kept + 1] = live
    end
end
if #gone > 0 then redis.call('HDEL', KEYS[1], unpack(gone)) end
if #kept > 0 then redis.call('HSET', KEYS[1], unpack(kept)) end
""")

# Begins a new generation without a quarantine.
ASSERT = Script("""
-- KEYS state; ARGV new generation
redis.call('HSET', KEYS[1], 'run', run_id(), 'generation', ARGV[1], 'born_ms', 0, 'until_ms', 0, 'claimed_ms', 0)
return 1
""")

# Deletes expired fences, left by writers that died or rolled back. Returns the cursor of the next page.
CLEAR = Script("""
-- KEYS state; ARGV cursor
local now, page, gone = clock_ms(), redis.call('HSCAN', KEYS[1], ARGV[1], 'MATCH', 'fence:*', 'COUNT', 500), {}
for i = 1, #page[2], 2 do
    if fences_live(page[2][i + 1], now) == '' then gone[#gone + 1] = page[2][i] end
end
if #gone > 0 then redis.call('HDEL', KEYS[1], unpack(gone)) end
return page[1]
""")
