// Uploads files with tus-js-client, as an application would, and prints what it hears: one JSON object a line.
//
// The only argument is a JSON object:
//   files      paths to upload, all at once
//   endpoint   where uploads are created
//   uploadUrl  an upload that exists already, to go on with
//   storage    a file that remembers upload addresses; an earlier run's upload is resumed from it
//   source     what tus-js-client is given: a "file" (the default), a "buffer", or a "stream" whose end it can't know
//   restarts   how often to call start() again after the client has given up (0)
//   options    further options of tus.Upload, passed on as they are
//
// Printed: {upload, event: "answer", method, url, status, offset, location, retryAfter} for every answer,
// {upload, event: "gave up", message} and {upload, event: "success", url}. Ends with 0 when every upload succeeded.
import fs from 'node:fs'
import { PassThrough } from 'node:stream'
import * as tus from 'tus-js-client'

const job = JSON.parse(process.argv[2])

function say(line) {
  fs.writeSync(1, `${JSON.stringify(line)}\n`)
}

async function upload(index, path) {
  let restarts = job.restarts ?? 0
  const { promise, resolve } = deferred()
  const upload = new tus.Upload(source(path), {
    endpoint: job.endpoint,
    uploadUrl: job.uploadUrl ?? null,
    retryDelays: Array(50).fill(100),
    metadata: { filename: `file-${index}`, filetype: 'application/octet-stream' },
    ...(job.storage ? { urlStorage: new tus.FileUrlStorage(job.storage) } : {}),
    ...job.options,
    onAfterResponse(req, res) {
      say({
        upload: index,
        event: 'answer',
        method: req.getMethod(),
        url: req.getURL(),
        status: res.getStatus(),
        offset: number(res.getHeader('Upload-Offset')),
        location: res.getHeader('Location'),
        retryAfter: res.getHeader('Retry-After'),
      })
    },
    onError(err) {
      say({ upload: index, event: 'gave up', message: String(err) })
      if (restarts-- > 0) upload.start()
      else resolve(false)
    },
    onSuccess() {
      say({ upload: index, event: 'success', url: upload.url })
      resolve(true)
    },
  })
  if (job.storage) {
    const [previous] = await upload.findPreviousUploads()
    if (previous) upload.resumeFromPreviousUpload(previous)
  }
  upload.start()
  return promise
}

function source(path) {
  switch (job.source) {
    case 'buffer':
      return fs.readFileSync(path)
    case 'stream':
      return fs.createReadStream(path).pipe(new PassThrough())
    default:
      return fs.createReadStream(path)
  }
}

function deferred() {
  let resolve
  const promise = new Promise((r) => {
    resolve = r
  })
  return { promise, resolve }
}

function number(text) {
  return text === undefined ? undefined : Number(text)
}

const done = await Promise.all(job.files.map((path, index) => upload(index, path)))
process.exit(done.every(Boolean) ? 0 : 1)
