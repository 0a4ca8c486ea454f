-- SPDX-License-Identifier: MIT
-- paths.lua: for wrk: requests of the paths in a file, one a line, drawn evenly; the figures as one line of JSON.
local requests = {}

function init(args)
    math.randomseed(7)
    for path in io.lines(args[1]) do
        requests[#requests + 1] = wrk.format("GET", path, { Accept = "application/json", Host = "127.0.0.1" })
    end
end

function request()
    return requests[math.random(#requests)]
end

function done(summary, latency)
    local wrong = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
    io.write(string.format('{"perSecond":%.0f,"p50":%.0f,"p99":%.0f,"p999":%.0f,"wrong":%d}\n', summary.requests * 1e6 / summary.duration,
        latency:percentile(50), latency:percentile(99), latency:percentile(99.9), wrong))
end
