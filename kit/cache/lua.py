"""The steps of the protocol that happen in Redis: each one a script, because a script runs alone.

One hash, STATE, holds what the cache rests on: the trust in it, and every fence. They are together in one key so that
whatever takes the fences away (a wipe, a restart, an eviction for want of memory) takes the trust with them.

One key for each object, its *entry*, holds either its value, "V" + generation + bytes, or the lease of the reader that
is about to fill it, "L" + generation + id. So one DEL both evicts the value and revokes the lease.

Times are milliseconds of Redis's own clock: no other clock has a say.
"""

from redis import Redis

from kit.redis.pipeline import Argument, RedisCommand, commands_run, script_command

PREFIX = "wallet:cache:"
STATE = f"{PREFIX}state"
#: How many names one script takes: Lua cannot pass on more than some thousand arguments, and nobody else is served
#: meanwhile.
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
-- A fence is text: token=end for each writer who holds one.
local function fences_live(text, now, token)
    local live = ''
    for owner, ends in string.gmatch(text, '(%x+)=(%d+)') do
        if tonumber(ends) > now and owner ~= token then live = live .. owner .. '=' .. ends .. ' ' end
    end
    return live
end
-- Names come as lines of one argument, because a client takes longer to send a thousand than we to split them.
local function lines(text)
    local fields, entries = {}, {}
    for name in string.gmatch(text, '[^\\n]+') do
        fields[#fields + 1] = 'fence:' .. name
        entries[#entries + 1] = '%(prefix)sentry:' .. name
    end
    return fields, entries
end
""".replace("%(prefix)s", PREFIX)


class Script:
    """A Lua script. `machine` is where it takes the time and the server's run id from."""

    machine = MACHINE

    def __init__(self, body: str) -> None:
        self.body = body

    def command(self, keys: list[str], *arguments: Argument) -> RedisCommand:
        return script_command(self.machine + _FENCES + self.body, keys, arguments)

    def __call__(self, client: Redis, keys: list[str], *arguments: Argument) -> object:
        command = self.command(keys, *arguments)
        commands_run(client, [command])
        return command.reply


# A reader looks at names. {mark, now, generation, claim, what each name has: its value, or F(enced), B(usy), M(issing
# and now leased to this reader)}. Where the server is not the one that the state knows, a new generation begins.
LOOK = Script("""
-- KEYS state; ARGV names, new generation, lease id, lease ms, fence ms, trust ms, claim ms
local now, run, fields, entries = clock_ms(), run_id(), lines(ARGV[1])
local state = redis.call('HMGET', KEYS[1], 'run', 'generation', 'born_ms', 'until_ms', 'claimed_ms', unpack(fields))
if state[1] ~= run then
    redis.call('HSET', KEYS[1], 'run', run, 'generation', ARGV[2], 'born_ms', digits(now), 'until_ms', 0,
        'claimed_ms', 0)
    return {'quarantine'}
end
local generation = state[2]
if now < state[3] + ARGV[5] then return {'quarantine'} end
local left, claimed, claim = state[4] - now, tonumber(state[5]), 0
-- A trust that has longer to go than it was ever given is one whose clock was put back. It ends for good: left alone it
-- would be one again, of which nobody has asked Postgres, when the clock gets there once more.
if left > tonumber(ARGV[6]) then
    left = 0
    redis.call('HSET', KEYS[1], 'until_ms', 0)
end
-- So is a claim that has longer to go than it was given.
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
    local entry = not fenced and redis.call('GET', key)
    local is_ours = entry and string.sub(entry, 2, #generation + 1) == generation
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

# A reader fills what it leased, or gives the lease back (an empty entry). 0 where an eviction revoked the lease.
FILL = Script("""
-- KEYS entry; ARGV lease, entry, ttl s
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
return 1
""")

# A writer is about to commit: readers pass these names by, and what readers before them hold is worth nothing.
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

# The writer has committed: its fence goes, other writers' stay. Nothing is to be evicted: under a fence nobody fills.
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

# A new generation that needs no quarantine.
ASSERT = Script("""
-- KEYS state; ARGV new generation
redis.call('HSET', KEYS[1], 'run', run_id(), 'generation', ARGV[1], 'born_ms', 0, 'until_ms', 0, 'claimed_ms', 0)
return 1
""")

# Fences that ran out, of writers that died or rolled back, are cleared away; the cursor of the next page.
CLEAR = Script("""
-- KEYS state; ARGV cursor
local now, page, gone = clock_ms(), redis.call('HSCAN', KEYS[1], ARGV[1], 'MATCH', 'fence:*', 'COUNT', 500), {}
for i = 1, #page[2], 2 do
    if fences_live(page[2][i + 1], now) == '' then gone[#gone + 1] = page[2][i] end
end
if #gone > 0 then redis.call('HDEL', KEYS[1], unpack(gone)) end
return page[1]
""")
