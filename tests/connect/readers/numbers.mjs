// What JavaScript makes of our numbers: hyparquet of a file, apache-arrow of an IPC stream.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(process.argv[4] + '/')
const { asyncBufferFromFile, parquetReadObjects } = await import(require.resolve('hyparquet'))
const { tableFromIPC } = require('apache-arrow')

const file = await asyncBufferFromFile(process.argv[2])
const rows = await parquetReadObjects({ file, columns: ['cost', 'offset', 'event_time'] })
const nearest = rows.filter((row) => row.cost === Number(row.cost.toFixed(6))).length

const first = tableFromIPC(readFileSync(process.argv[3])).get(0)
let bigint = ''
try { JSON.stringify(first) } catch (error) { bigint = error.message }
console.log(JSON.stringify({
  rows: rows.length,
  nearest,
  offset: typeof rows[0].offset,
  time: rows[0].event_time.toISOString(),
  decimal: JSON.stringify(first.cost),
  bigint,
  milliseconds: first.event_time
}))
