-- lua5.1 health.lua HEALTH OBJECT: runs a health check as Argo CD does, with `obj` and without io, os or modules, and prints
-- status and message on a line each. OBJECT is a Lua table.
local check = assert(loadfile(arg[1]))
local object = assert(loadfile(arg[2]))
setfenv(object, {})
setfenv(check, {obj = object(), ipairs = ipairs, pairs = pairs, tostring = tostring, type = type, string = string, table = table})
local health = check()
print(health.status)
print(health.message)
