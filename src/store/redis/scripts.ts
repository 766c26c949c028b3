// Owns the Lua scripts: what has to be decided and written in Redis in one step.

/** KEYS head; ARGV log id, schema. Starts a log unless there is one; gives nothing. */
export const INIT = `
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'log', ARGV[1], 'version', 0, 'entry', ARGV[1], 'at', 0, 'schema', ARGV[2], 'base', ARGV[2], 'since', 0, 'snapshot', 0)
end
return 1`;

/**
 * KEYS run; ARGV run id of the server. Gives the milliseconds since somebody first met this run of the server after another one; -1 when
 * there was no other.
 */
export const MEET = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local met = redis.call('HMGET', KEYS[1], 'id', 'at')
if met[1] == ARGV[1] then return math.min(now - tonumber(met[2]), 1000000000) end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'at', met[1] and string.format('%.0f', now) or 0)
return met[1] and 0 or -1`;

/** Shared by the scripts that deal with turns: who comes first, until when the others leave it to him, and how the others are told. */
const TURNS = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function first() return redis.call('LINDEX', KEYS[3], 0) end
local function reserve() redis.call('SET', KEYS[4], string.format('%.0f', now + tonumber(LAPSE)), 'PX', 60000) end
local function stand(me)
  if not redis.call('LPOS', KEYS[3], me) then
    redis.call('RPUSH', KEYS[3], me)
    if first() == me then reserve() end
  end
end
local function ring(version, by, following)
  for _, process in ipairs(redis.call('SMEMBERS', KEYS[5])) do
    if process ~= by and redis.call('PUBLISH', BELL .. process, version .. ' ' .. by .. ' ' .. following) == 0 then
      redis.call('SREM', KEYS[5], process)
    end
  end
end
`;

/**
 * KEYS head, log, turn, until, ears; ARGV log id, version and entry that it is built on, own entry id, time, payload, process, whether
 * more waits there, ms until a turn lapses, bell, schema or '', '1' to give back a lost entry whosever turn it is. Gives {ok, next} | {moved} | {wait} | {other}.
 * Only the comparison with the head decides whether the entry is stored; turns merely keep processes from working in vain.
 */
export const APPEND = `
local LAPSE = ARGV[9]
local BELL = ARGV[10]
local me = ARGV[7]
local head = redis.call('HMGET', KEYS[1], 'log', 'version', 'entry')
if head[1] ~= ARGV[1] then return {'other'} end
${TURNS}
if head[2] ~= ARGV[2] or head[3] ~= ARGV[3] then
  if ARGV[12] ~= '1' then stand(me) end
  return {'moved'}
end
local holder = first()
if holder and holder ~= me and ARGV[12] ~= '1' then
  if now < tonumber(redis.call('GET', KEYS[4]) or '0') then
    stand(me)
    return {'wait'}
  end
  redis.call('LPOP', KEYS[3])
  holder = first()
  if holder and holder ~= me then
    stand(me)
    reserve()
    ring(ARGV[2], '-', holder)
    return {'wait'}
  end
end
local version = string.format('%.0f', tonumber(ARGV[2]) + 1)
redis.call('XADD', KEYS[2], version .. '-0', 'i', ARGV[4], 'p', ARGV[3], 'a', ARGV[5], 'd', ARGV[6])
redis.call('HSET', KEYS[1], 'version', version, 'entry', ARGV[4], 'at', ARGV[5])
if ARGV[11] ~= '' then redis.call('HSET', KEYS[1], 'schema', ARGV[11]) end
local since = redis.call('HINCRBY', KEYS[1], 'since', #ARGV[6] + 100)
if holder == me then redis.call('LPOP', KEYS[3]) end
local following = first()
if following then
  if ARGV[8] == '1' then redis.call('RPUSH', KEYS[3], me) end
  reserve()
end
ring(version, me, following or '')
return {'ok', following or '', since}`;

/** KEYS head, log, turn, until, ears; ARGV process, ms until a turn lapses, bell. Asks for a turn. */
export const STAND = `
local LAPSE = ARGV[2]
local BELL = ARGV[3]
${TURNS}
stand(ARGV[1])
return 1`;

/** KEYS head, log, turn, until, ears; ARGV process, ms until a turn lapses, bell. Gives up a turn, or the wait for one. */
export const PASS = `
local LAPSE = ARGV[2]
local BELL = ARGV[3]
${TURNS}
local had = first() == ARGV[1]
redis.call('LREM', KEYS[3], 0, ARGV[1])
local following = first()
if had and following then
  reserve()
  ring(redis.call('HGET', KEYS[1], 'version') or '0', '-', following)
end
return 1`;

/**
 * KEYS head, log; ARGV log id, snapshot's version, its entry, its name, pieces, bytes, version to trim below, what the keys of pieces start
 * with (they share the tag of the others), ms that the pieces before are kept. The bytes of the log count anew. Gives 0 when there is a
 * newer one, when the log does not hold that entry (it lost it, and went another way), or when a piece is gone.
 */
export const PUBLISH_SNAPSHOT = `
local head = redis.call('HMGET', KEYS[1], 'log', 'snapshot', 'copy', 'pieces')
if head[1] ~= ARGV[1] or tonumber(head[2] or '0') >= tonumber(ARGV[2]) then return 0 end
local found = redis.call('XRANGE', KEYS[2], ARGV[2] .. '-0', ARGV[2] .. '-0')[1]
if not found or found[2][2] ~= ARGV[3] then return 0 end
local own = ARGV[8] .. ARGV[4] .. ':'
for at = 0, tonumber(ARGV[5]) - 1 do
  if redis.call('EXISTS', own .. at) == 0 then return 0 end
end
for at = 0, tonumber(ARGV[5]) - 1 do redis.call('PERSIST', own .. at) end
for at = 0, tonumber(head[4] or '0') - 1 do redis.call('PEXPIRE', ARGV[8] .. (head[3] or '') .. ':' .. at, ARGV[9]) end
redis.call('HSET', KEYS[1], 'snapshot', ARGV[2], 'copy', ARGV[4], 'pieces', ARGV[5], 'snapshot_bytes', ARGV[6], 'since', 0)
redis.call('XTRIM', KEYS[2], 'MINID', ARGV[7] .. '-0')
return 1`;

/** KEYS lease; ARGV whose it must be, ms that it lasts on; '0' ends it. Gives 0 when it is not his any more. */
export const KEEP_LEASE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;
