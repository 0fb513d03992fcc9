// @tus/server over @tus/file-store, as the README of @tus/server shows it:
//
//   node peer-server.mjs FOLDER HOST PORT
import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'

const [directory, host, port] = process.argv.slice(2)

const server = new Server({
  path: '/files',
  datastore: new FileStore({ directory }),
})
server.listen({ host, port: Number(port) })
