// Reads events from Kafka with kafkajs and the CloudEvents SDK, as a consumer in JavaScript would, and prints one JSON object a line.
//
// The only argument is a JSON object:
//   brokers  where to begin
//   topic    what to read, from its beginning
//   count    how many messages to read
//
// Printed: {partition, offset, key, headers, event}; event is what the SDK made of the message, once it found it valid. Ends with 1
// when a message is no valid CloudEvent.
import fs from 'node:fs'
import { Kafka as Binding } from 'cloudevents'
import { Kafka, logLevel } from 'kafkajs'

const job = JSON.parse(process.argv[2])
const client = new Kafka({ brokers: job.brokers, logLevel: logLevel.ERROR })
const consumer = client.consumer({ groupId: `reader-${process.pid}`, rebalanceTimeout: 5000 })
await consumer.connect()
await consumer.subscribe({ topics: [job.topic], fromBeginning: true })

let left = job.count
const { promise: done, resolve } = deferred()
await consumer.run({
  async eachMessage({ partition, message }) {
    if (left === 0) return
    try {
      print(partition, message)
    } catch (error) {
      console.error(`offset ${message.offset} of partition ${partition}: ${error.stack}`)
      process.exit(1)
    }
    if (--left === 0) resolve()
  },
})
await done
await consumer.disconnect()

function print(partition, { offset, key, value, headers }) {
  const said = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, text.toString()]))
  const event = Binding.toEvent({ headers: said, key: key.toString(), value: value.toString() })
  event.validate() // throws
  fs.writeSync(1, `${JSON.stringify({ partition, offset: Number(offset), key: key.toString(), headers: said, event })}\n`)
}

function deferred() {
  let resolve
  const promise = new Promise((r) => {
    resolve = r
  })
  return { promise, resolve }
}
