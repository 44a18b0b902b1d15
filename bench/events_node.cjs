// Sends a file's first COUNT events with @segment/analytics-node, as fast as it can.
//
//     BENCH_NODE_MODULES=FOLDER node bench/events_node.cjs FILE COUNT ORIGIN
//
// FOLDER has a node_modules with the package in it.

const { createReadStream } = require('node:fs')
const { createRequire } = require('node:module')
const { join } = require('node:path')
const { createInterface } = require('node:readline')

const { Analytics } = createRequire(join(process.env.BENCH_NODE_MODULES, 'index.js'))('@segment/analytics-node')

// Fewer leave it idle between batches, more send no faster. The library takes bodies for far smaller than they
// are, so the number of events has to keep them within Segment's 500 KB.
const MOST_PENDING = 4000
const EVENTS_A_BODY = 400

async function main([file, count, host]) {
  const analytics = new Analytics({
    writeKey: 'key-of-the-benchmark',
    host,
    flushAt: EVENTS_A_BODY,
    flushInterval: 100,
    httpRequestTimeout: 60_000,
  })
  await fetch(`${host}/count`, { method: 'PUT' })
  let left = Number(count)
  let pending = 0
  let room = () => {}
  const settled = (error) => {
    if (error) throw error
    pending -= 1
    room()
  }
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (left-- === 0) break
    const { type, ...event } = JSON.parse(line)
    analytics[type]({ ...event, timestamp: new Date(event.timestamp) }, settled)
    pending += 1
    if (pending >= MOST_PENDING) await new Promise((resolve) => (room = resolve))
  }
  await analytics.closeAndFlush({ timeout: 600_000 })
}

main(process.argv.slice(2))
